"""The kinds of joins, as records of what they do: the rest of the code asks for these properties and for no name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JoinKind:
    """What comes out of a join.

    Attributes
    ----------
    name : str
        What a user writes: ``how="left"``.
    matched : bool
        Rows with a partner come out.
    keeps_left, keeps_right : bool
        Rows of that side without a partner come out, with nulls in the columns of the other side.
    adds_right : bool
        Columns of the right side come out, so a row comes out once for each of its partners; else once at most.
    key_side : str
        The side whose key columns come out, where both sides name one.
    """

    name: str
    matched: bool = True
    keeps_left: bool = False
    keeps_right: bool = False
    adds_right: bool = True
    key_side: str = "left"

    def keeps(self, side: str) -> bool:
        """True if rows of that side come out when they have no partner."""
        return self.keeps_left if side == "left" else self.keeps_right

    @property
    def left_filters_pass(self) -> bool:
        """True if a condition on left columns may be asked of the left side: each row that comes out has a left row."""
        return not self.keeps_right

    @property
    def right_filters_pass(self) -> bool:
        """True if a condition on right columns may be asked of the right side."""
        return self.adds_right and not self.keeps_left

    @property
    def builds(self) -> tuple[str, ...]:
        """The sides that may become the hash table, the usual one first: rows that are looked up are the ones that can be
        kept without a partner, or come out once."""
        right = not self.keeps_right
        left = self.adds_right and not self.keeps_left
        return ("right",) * right + ("left",) * left

    def rows(self, left: float | None, right: float | None, left_share: float, right_share: float) -> float | None:
        """Guess the rows that come out, from those of both sides and the parts of their sources that these are."""
        if not self.adds_right:
            return None if left is None else left * 0.5
        if self.keeps_left and not self.keeps_right:
            return left
        if self.keeps_right and not self.keeps_left:
            return right
        if left is None or right is None:
            return None
        if self.keeps_left:
            return max(left, right)
        return right * left_share if left < right else left * right_share


KINDS = {
    kind.name: kind
    for kind in (
        JoinKind("inner"),
        JoinKind("left", keeps_left=True),
        JoinKind("right", keeps_right=True, key_side="right"),
        JoinKind("semi", adds_right=False),
        JoinKind("anti", matched=False, keeps_left=True, adds_right=False),
    )
}
"""All kinds by name."""
