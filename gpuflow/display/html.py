"""Tables and frames in a notebook. Whatever comes from data is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from . import cells

if TYPE_CHECKING:
    from gpuflow.table import Table

COLUMNS = 30
"""Most columns that are shown."""

_STYLE = (
    "<style>.gpuflow td,.gpuflow th{padding:2px 10px;white-space:pre;font-variant-numeric:tabular-nums}"
    ".gpuflow th small{font-weight:normal;opacity:.65}.gpuflow .r{text-align:right}.gpuflow .l{text-align:left}"
    ".gpuflow .n{opacity:.45}.gpuflow caption{caption-side:top;text-align:left;opacity:.75}</style>"
)


def table_html(table: Table, rows: int = cells.ROWS, caption: str | None = None) -> str:
    """A table: shape, names, types, first and last rows."""
    values, before = cells.preview(table, rows)
    names = list(table.schema)[:COLUMNS]
    hidden = len(table.schema) - len(names)
    lines = [_head({name: table.schema[name] for name in names}, hidden)]
    for i, row in enumerate(values):
        if i == before:
            lines.append("<tr>" + '<td class="n">…</td>' * (len(names) + bool(hidden)) + "</tr>")
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
    return f'<div class="gpuflow">{_STYLE}<table><caption>{escape(caption)}</caption>{"".join(lines)}</table></div>'


def _head(schema: Mapping[str, Any], hidden: int) -> str:
    heads = [
        f'<th class="{_side(dtype)}">{escape(cells.text(name))}<br><small>{escape(str(dtype))}</small></th>'
        for name, dtype in schema.items()
    ]
    return "<tr>" + "".join(heads) + (f"<th>… {hidden} more</th>" if hidden else "") + "</tr>"


def _cell(value: Any, dtype: Any) -> str:
    null = " n" if value is None else ""
    return f'<td class="{_side(dtype)}{null}">{escape(cells.text(value))}</td>'


def _side(dtype: Any) -> str:
    return "r" if dtype.is_numeric or dtype.is_decimal or dtype.is_temporal else "l"
