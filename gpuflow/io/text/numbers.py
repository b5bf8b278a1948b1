"""Parse numbers written with a decimal comma, or with separated thousands."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Numbers:
    """How numbers are written.

    Thousands are groups of three digits; groups of two may precede the last (``12,34,567``). With separated thousands ``1,2`` is
    no number: read as 12 it would be silently wrong where a comma is meant as the decimal point.
    """

    decimal: str = "."
    thousands: str | None = None

    def has_own_form(self, arrow: pa.DataType) -> bool:
        """Return whether numbers of a type may have separated thousands, which only this class parses."""
        return self.thousands is not None and (
            pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow)
        )

    @property
    def _grouped(self) -> str:
        apart, point = re.escape(self.thousands or ""), re.escape(self.decimal)
        return rf"^\s*[+-]?[0-9]{{1,3}}({apart}[0-9]{{2,3}})*{apart}[0-9]{{3}}({point}[0-9]*)?([eE][+-]?[0-9]+)?\s*$"

    def plain(self, texts: pa.ChunkedArray, arrow: pa.DataType) -> pa.ChunkedArray:
        """Rewrite numbers with a point and without separated thousands; other texts are kept."""
        if not (pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow)):
            return texts
        if pa.types.is_integer(arrow):
            texts = pc.if_else(hexadecimal(texts), "no number", texts)
        if self.thousands is not None:
            grouped = pc.fill_null(pc.match_substring_regex(texts, self._grouped), False)
            texts = pc.if_else(grouped, pc.replace_substring(texts, self.thousands, ""), texts)
        if self.decimal != ".":
            texts = pc.if_else(pc.match_substring(texts, "."), "no number", pc.replace_substring(texts, self.decimal, "."))
        return texts

    def column(self, texts: pa.ChunkedArray, arrow: pa.DataType) -> pa.ChunkedArray:
        """Parse numbers as a type. Raises `pyarrow.ArrowInvalid` where a text is none."""
        return pc.utf8_trim_whitespace(self.plain(texts, arrow)).cast(arrow)

    def found(self, texts: pa.ChunkedArray) -> pa.DataType | None:
        """Infer the type of texts of which some are numbers with separated thousands; None unless all are numbers."""
        if self.thousands is None or not pc.any(pc.match_substring_regex(texts, self._grouped)).as_py():
            return None
        for kind in (pa.int64(), pa.float64()):
            try:
                self.column(texts, kind)
                return kind
            except pa.ArrowInvalid:
                continue
        return None


def hexadecimal(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a mask of texts like 0x1F, which pyarrow reads as integers and Polars as text."""
    return pc.fill_null(pc.match_substring_regex(texts, r"^\s*[+-]?0[xX]"), False)
