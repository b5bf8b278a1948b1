"""Tasks as a Dask graph. The keys are content addresses: equal work has an equal key, on any day and machine."""

from __future__ import annotations

import hashlib
import itertools
import pickle
from functools import lru_cache
from typing import Any

from dask._task_spec import List, TaskRef
from dask._task_spec import Task as DaskTask

from gpuflow.physical.runner import Facts, Finished, Ref
from gpuflow.physical.tasks import Task
from gpuflow.plan.source import Split

from .stage import run

_anonymous = itertools.count()


class Graph:
    """Tasks so far. A runner without execution: `facts` answers None, so lowering goes by estimates."""

    def __init__(self, threads: int, local: bool) -> None:
        self.threads, self.local = threads, local
        self.tasks: dict[str, DaskTask] = {}
        self.order: list[tuple[Task, Any, Ref]] = []
        self.notes: list[tuple[str, str, str]] = []
        self.held: list[Any] = []
        self._tokens: dict[int, str] = {}

    def identify(self, split: Split, token: str) -> None:
        self._tokens[id(split)] = token
        self.held.append(split)  # an id means its object only while that lives

    def note(self, subject: str, decision: str, reason: str) -> None:
        if (subject, decision, reason) not in self.notes:
            self.notes.append((subject, decision, reason))

    def add(self, task: Task, inputs: Any) -> Ref:
        digest = hashlib.blake2b(digest_size=16)
        digest.update(_content(task))
        self._digest(inputs, digest)
        key = f"{task.name}-{digest.hexdigest()}"
        if key not in self.tasks:
            self.tasks[key] = DaskTask(key, run, task, self._spec(inputs))
            self.order.append((task, inputs, Ref(key)))
        return Ref(key)

    def facts(self, refs: list[Ref]) -> list[Facts] | None:
        return None

    def _digest(self, inputs: Any, digest: Any) -> None:
        if isinstance(inputs, (tuple, list)):
            digest.update(b"(")
            for part in inputs:
                self._digest(part, digest)
            digest.update(b")")
        elif isinstance(inputs, Split) and not isinstance(inputs, Finished):
            if id(inputs) not in self._tokens:
                self.identify(inputs, f"split {next(_anonymous)}")
            digest.update(self._tokens[id(inputs)].encode())
        else:
            digest.update(inputs.key.encode() if isinstance(inputs, (Ref, Finished)) else repr(inputs).encode())
        digest.update(b",")

    def _spec(self, inputs: Any) -> Any:
        if isinstance(inputs, (tuple, list)):
            return List(*(self._spec(part) for part in inputs))
        if isinstance(inputs, Ref):
            return TaskRef(inputs.key)
        if isinstance(inputs, Finished):
            self.held.append(inputs.future)
            return TaskRef(inputs.key)
        return inputs

    def needed(self, keys: list[str], known: Any) -> dict[str, Any]:
        """The tasks that `keys` depend on, those in `known` left out."""
        found: dict[str, Any] = {}
        stack = [k for k in keys if k not in known]
        while stack:
            key = stack.pop()
            if key in found or key in known or key not in self.tasks:
                continue
            found[key] = self.tasks[key]
            stack += [d for d in self.tasks[key].dependencies if d not in found]
        return found


@lru_cache(maxsize=4096)
def _content(task: Task) -> bytes:
    return type(task).__name__.encode() + pickle.dumps(task, protocol=5)


def facts_of(result: Any) -> Facts:
    """What a finished result shows."""
    if isinstance(result, list):
        return Facts(sum(c.length for c in result), sum(c.nbytes for c in result))
    distinct = getattr(result, "distinct", None)
    rows = result.rows if distinct is not None else result.length
    return Facts(int(rows), int(result.nbytes), distinct)
