"""A table in a terminal, as wide as the terminal allows."""

from __future__ import annotations

import shutil
import unicodedata
from typing import TYPE_CHECKING

from . import cells

if TYPE_CHECKING:
    from gpuflow.frame.table_values import TableValues

_GAP = "…"
_BETWEEN = "  "


def table_text(table: TableValues, width: int | None = None, rows: int = cells.ROWS) -> str:
    """Shape, names, types and the first and last rows.

    Parameters
    ----------
    table : Table
        What to show.
    width : int, optional
        Columns of the terminal; asked from it by default. Columns of the table that do not fit are left out from the
        middle, and counted.
    rows : int
        Most rows to show.
    """
    width = width or shutil.get_terminal_size((100, 24)).columns
    if not len(table.schema):
        return cells.shape(table)
    values, before = cells.preview(table, rows)
    count = len(values[0])
    blocks = []
    for i, (name, dtype) in enumerate(table.schema.items()):
        column = [cells.text(name, 40), str(dtype), *(cells.NULL if cell is None else cell for cell in values[i])]
        if before < count:
            column.insert(2 + before, _GAP)
        wide = max(map(_width, column))
        blocks.append([_pad(text, wide, cells.is_right(dtype)) for text in column])
    shown = _fit([_width(block[0]) for block in blocks], width)
    hidden = len(blocks) - len(shown)
    chosen = [blocks[i] for i in shown]
    if hidden:
        chosen.insert((len(shown) + 1) // 2, [_GAP] * len(blocks[0]))
    lines = [_BETWEEN.join(parts).rstrip() for parts in zip(*chosen, strict=True)]
    rule = "─" * max(map(_width, lines))
    head = cells.shape(table) + (f" ({hidden} not shown)" if hidden else "")
    return "\n".join([head, *lines[:2], rule, *lines[2:]])


def _fit(widths: list[int], total: int) -> list[int]:
    """Positions of the columns to show: all, or as many from both ends as fit, at least one."""
    if sum(widths) + len(_BETWEEN) * (len(widths) - 1) <= total:
        return list(range(len(widths)))
    left, right = [0], list[int]()
    used = widths[0] + len(_BETWEEN) + len(_GAP)
    low, high = 1, len(widths) - 1
    while low <= high:
        from_right = len(right) < len(left)
        position = high if from_right else low
        if used + len(_BETWEEN) + widths[position] > total:
            break
        used += len(_BETWEEN) + widths[position]
        if from_right:
            right.append(position)
            high -= 1
        else:
            left.append(position)
            low += 1
    return left + right[::-1]


def _width(text: str) -> int:
    """Cells of a terminal: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
