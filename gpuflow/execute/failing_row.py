"""Which value of which row an exact expression fails on. Kernels only say that one does; this runs its rows again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gpuflow_kernels.algorithms import filtering
from gpuflow_kernels.column import Chunk, Column
from gpuflow_kernels.declare.scalar import SCALARS
from gpuflow_kernels.errors import ArithmeticOverflowError, CastError
from gpuflow_kernels.ir.expressions import Call, Const, Member, Ref, Row, walk
from gpuflow_kernels.ir.pipeline import Group, Pipeline, Step, Write
from gpuflow_kernels.target import TARGETS

from gpuflow.arrow.convert import strings_as, to_arrow
from gpuflow.expr.literals import show
from gpuflow.expr.nodes import quote
from gpuflow.physical.strings import plan_strings
from gpuflow.physical.tasks import PipelineTask
from gpuflow.plan.source import Split

from .string_tables import bind

_ACCUMULATOR = re.compile(r"(.*): \w+, slot \d+", re.DOTALL)
"""Name of a column that holds accumulators of the output column in front (`physical.aggregates`)."""


def located(error: ArithmeticOverflowError, task: PipelineTask, inputs: Any) -> ArithmeticOverflowError:
    """Name the expression, the value and the row that the error of a pipeline comes from.

    Parameters
    ----------
    error : ArithmeticOverflowError
        What the kernel raised.
    task : PipelineTask
    inputs : tuple of (partition, tables, ordinal)
        The partition that failed.
    """
    if isinstance(error, CastError):
        return error
    try:
        precise = _Search(task, *inputs).first()
    except Exception:  # the error that there is says more than one on the way to its place
        precise = None
    return error if precise is None else precise


class _Search:
    def __init__(self, task: PipelineTask, part: Any, tables: Any, ordinal: int) -> None:
        self.task, self.tables, self.ordinal = task, tables, ordinal
        with strings_as(task.options.strings):
            self.chunk: Chunk = part.read(task.columns) if isinstance(part, Split) else part

    def first(self) -> ArithmeticOverflowError | None:
        """Find the error of the first row that fails; None where no single row does, as when a sum overflows."""
        steps, sink = self.task.pipeline.steps, self.task.pipeline.sink
        roots = sink.rows()
        if isinstance(sink, Group) and sink.merge:
            return None
        every = roots or (Ref(0, self.task.pipeline.inputs[0]),)
        low, high = 0, self.chunk.length
        if self._run(steps, every, self.chunk) is not None:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self._run(steps, every, self._rows(low, middle)) is None:
                high = middle
            else:
                low = middle
        row = self._rows(low, low + 1)
        for before, root in self._expressions(steps, roots):
            for call in walk(root):
                if isinstance(call, Call) and self._run(before, (call,), row) is None:
                    return self._error(call, before, row, low)
        return None

    def _rows(self, start: int, stop: int) -> Chunk:
        return self.chunk.take(slice(start, stop), stop - start)

    @staticmethod
    def _expressions(steps: tuple[Step, ...], roots: tuple[Row, ...]) -> Iterator[tuple[tuple[Step, ...], Row]]:
        """Every expression, with the steps that stand before it."""
        for k, step in enumerate(steps):
            for row in step.rows():
                yield steps[:k], row
        for row in roots:
            yield steps, row

    def _run(self, steps: tuple[Step, ...], columns: tuple[Row, ...], chunk: Chunk) -> Chunk | None:
        """Compute `columns` for the rows of a chunk; None where one fails."""
        pipeline = Pipeline(self.task.pipeline.inputs, steps, Write(columns))
        plan = plan_strings(pipeline)
        chunk, bindings, dictionaries = bind(self.task.options, plan, chunk, self.tables, self.ordinal)
        try:
            written = filtering.write(TARGETS[self.task.options.target], plan.pipeline, chunk, bindings)
        except ArithmeticOverflowError:
            return None
        columns_ = (
            Column(c.dtype, c.values, c.validity, d, c.facts) if c.dtype.is_coded else c
            for c, d in zip(written.columns, dictionaries, strict=True)
        )
        return Chunk(tuple(columns_), written.length)

    def _error(self, call: Call, before: tuple[Step, ...], row: Chunk, number: int) -> ArithmeticOverflowError:
        varying = tuple(a for a in call.args if not isinstance(a, Const))
        written = self._run(before, varying, row) if varying else None
        values = [to_arrow(c)[0].as_py() for c in written.columns] if written is not None else []
        text = self._text(call)
        shown = ", ".join(f"{self._text(a)} = {v!r:.60}" for a, v in zip(varying, values, strict=False))
        place = f"row {number}" + (f" of partition {self.ordinal}" if self.ordinal else "")
        what = filtering.overflow_message(call.overload.complaint(call.dtype))
        output = self._aggregated(call)
        if output is not None:
            return ArithmeticOverflowError(f"{what}; in column {output!r}")
        message = f"{what}; in {text}, {place}" + (f", where {shown}" if shown else "")
        if not call.overload.traits.parses:
            return ArithmeticOverflowError(message)
        if not call.overload.failure:
            message += "; strict=False gives null there"
        return CastError(message, expression=text, value=values[0] if values else None, row=number)

    def _aggregated(self, call: Call) -> str | None:
        """Return the output column whose aggregation a call finishes; None for any other call.

        Its arguments are accumulators, of which a user knows nothing.
        """
        names = [self.task.columns[a.key] for a in call.args if isinstance(a, Ref) and isinstance(a.key, int)]
        match = _ACCUMULATOR.fullmatch(names[0]) if names and len(names) == len(call.args) else None
        return match[1] if match else None

    def _text(self, row: Any) -> str:
        """An expression as a user would write it."""
        if isinstance(row, Ref):
            is_input = isinstance(row.key, int) and row.key < len(self.task.columns)
            return f"col({quote(self.task.columns[int(row.key)])})" if is_input else "a joined column"
        if isinstance(row, Const):
            return show(row.value, row.dtype)
        if isinstance(row, Member):
            return f"{self._text(row.arg)}.is_in([...])"
        if not isinstance(row, Call):
            return "..."
        texts, name = [self._text(a) for a in row.args], row.overload.name
        function = next((f for f in SCALARS.values() if any(o.body == row.overload.body for o in f.overloads)), None)
        if function is not None and function.operator and len(texts) == 2:
            return f"({texts[0]} {function.operator} {texts[1]})"
        if row.overload.traits.converts:
            return f"{texts[0]}.{name}({row.dtype})"
        if function is None or not function.method:
            return f"{name}({', '.join(texts)})"
        space = f"{function.namespace}." if function.namespace else ""
        return f"{texts[0]}.{space}{name}({', '.join(texts[1:])})"
