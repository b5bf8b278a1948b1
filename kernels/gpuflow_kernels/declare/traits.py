"""What plans may know of a declared function beyond its types and its body."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """Declared with a function's first overload, and shared by the others.

    Attributes
    ----------
    value_blind : bool
        It passes values on, or asks only whether they are null: columns of every type are accepted.
    logic : {"and", "or", "xor", "not"}, optional
        What it does to truth values. Conditions are taken apart at ``and``, and folded at ``and`` and ``or``.
    relations : frozenset of {"less", "equal", "greater"}
        For comparisons, how the first argument stands to the second where the result is true; empty for all others.
    tests_null : bool, optional
        The answer for null of a function that distinguishes null from values; None for all others.
    converts : bool
        The result is the same value in another type, as far as that holds it: order is kept.
    parses : bool
        What it refuses is a value that is none of the result's type: the error is a `CastError`.
    shows_type : bool
        Its parameters are seen by the type of its result, which text for people shows instead.
    selectivity : float
        The part of the rows that it keeps as a condition, where nothing is known of them.
    """

    value_blind: bool = False
    logic: str | None = None
    relations: frozenset[str] = frozenset()
    tests_null: bool | None = None
    converts: bool = False
    parses: bool = False
    shows_type: bool = False
    selectivity: float = 1 / 3


NONE = Traits()
"""Those of a function that declares none."""
