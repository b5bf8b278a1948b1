"""Tables and frames in a notebook. Whatever comes from data is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from gpuflow_kernels.dtypes import DType

from . import cells

if TYPE_CHECKING:
    from gpuflow.frame.table_values import TableValues

COLUMNS = 30
"""Most columns that are shown."""

_STYLE = (
    "<style>.gpuflow td,.gpuflow th{padding:2px 10px;white-space:pre;font-variant-numeric:tabular-nums}"
    ".gpuflow th small{font-weight:normal;opacity:.65}.gpuflow .n{opacity:.45}</style>"
)
# Notebooks have rules of their own for cells, and some drop <style>: what must hold stands at the elements.
_ABOVE = "text-align:left;opacity:.75"  # no <caption>, which wraps to the width of the table or stretches it


def table_html(table: TableValues, rows: int = cells.ROWS, caption: str | None = None) -> str:
    """A table: shape, names, types, first and last rows."""
    values, before = cells.preview(table, rows, COLUMNS)
    names = list(table.schema)[:COLUMNS]
    hidden = len(table.schema) - len(names)
    lines = [_head({name: table.schema[name] for name in names}, hidden)]
    for i, row in enumerate(zip(*values, strict=True)):
        if i == before:
            gaps = "".join(f'<td class="n" style="{_side(table.schema[name])}">…</td>' for name in names)
            lines.append(f"<tr>{gaps}{'<td>…</td>' if hidden else ''}</tr>")
        shown = "".join(map(_cell, row, table.schema.dtypes[:COLUMNS]))
        lines.append(f"<tr>{shown}{'<td>…</td>' if hidden else ''}</tr>")
    return _frame(lines, caption or cells.shape(table))


def schema_html(schema: Mapping[str, Any], caption: str) -> str:
    """A frame that has not run: its columns and their types under `caption`."""
    names = list(schema)[:COLUMNS]
    return _frame([_head({name: schema[name] for name in names}, len(schema) - len(names))], caption)


def text_html(text: str) -> str:
    """Preformatted text, such as a plan."""
    return f"<pre>{escape(text)}</pre>"


def _frame(lines: list[str], caption: str) -> str:
    above = f'<div style="{_ABOVE}">{escape(caption)}</div>'
    return f'<div class="gpuflow">{_STYLE}{above}<table>{"".join(lines)}</table></div>'


def _head(schema: Mapping[str, Any], hidden: int) -> str:
    heads = [
        f'<th style="{_side(dtype)}">{escape(cells.text(name))}<br><small>{escape(str(dtype))}</small></th>'
        for name, dtype in schema.items()
    ]
    return "<tr>" + "".join(heads) + (f"<th>… {hidden} more</th>" if hidden else "") + "</tr>"


def _cell(cell: cells.Cell, dtype: DType) -> str:
    null = ' class="n"' if cell is None else ""
    return f'<td{null} style="{_side(dtype)}">{escape(cells.NULL if cell is None else cell)}</td>'


def _side(dtype: DType) -> str:
    return f"text-align:{'right' if cells.is_right(dtype) else 'left'}"
