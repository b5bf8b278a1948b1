"""Arguments of generated kernels: what each is, and which one of its kind. The only place that knows how they are spelled.

Generation writes `Argument.name` into the text and lists the arguments; whoever launches a kernel gives a value to each by
what it is. No name is read to find out what stands behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum, auto
from typing import Any, NamedTuple


class Role(IntEnum):
    """What an argument is."""

    INPUT = auto()
    """Values of an input column."""
    VALIDITY = auto()
    """Which values of an input column are not null."""
    LITERAL = auto()
    LOOKUP = auto()
    """A look-up table over codes of strings."""
    MEMBERS = auto()
    """The sorted values of a set."""
    MEMBER_COUNT = auto()
    """How many values a set has, where an array does not say it."""
    ARRAY = auto()
    """A constant array of a function, such as the transitions of a time zone."""
    JOIN = auto()
    """A part of a join table: ``slots``, ``shift``, ``direct``, ``offsets``, key words, ranges, payload."""
    FOUND = auto()
    """What a probe of each row has found in a join table."""
    OUTPUT = auto()
    OUTPUT_VALIDITY = auto()
    KEY_LOW = auto()
    """The least word of a grouping key."""
    KEY_STRIDE = auto()
    """The factor of a grouping key in the packed word."""
    KEY_WORD = auto()
    """A word of the keys of all groups."""
    ROW_WORD = auto()
    """A word of the key of each row."""
    SLOT = auto()
    """An accumulator of all groups."""
    PARTIAL = auto()
    """Accumulators without groups: one, or one for each block or piece."""
    ROW_VALUE = auto()
    """What each row adds to an accumulator."""
    ROW_MASK = auto()
    """Which rows add anything to an accumulator."""
    TEXT_BYTES = auto()
    """The bytes of a column of strings, or of one string."""
    TEXT_SIZE = auto()
    """How many bytes those are."""
    TEXT_OFFSETS = auto()
    """Where each string begins in them, and the last one ends."""
    TEXT_ROWS = auto()
    """By row, the number of its string."""
    CONTROL = auto()
    """Anything there is one of, by its name: rows, limits, error numbers, scratch space."""


_SPELLINGS = {
    Role.INPUT: "c{number}",
    Role.VALIDITY: "n{number}",
    Role.LITERAL: "a{number}",
    Role.LOOKUP: "l{number}",
    Role.MEMBERS: "s{number}",
    Role.MEMBER_COUNT: "d{number}",
    Role.ARRAY: "ta{number}",
    Role.JOIN: "t{number}_{part}",
    Role.FOUND: "f{number}",
    Role.OUTPUT: "o{number}",
    Role.OUTPUT_VALIDITY: "h{number}",
    Role.KEY_LOW: "b{number}",
    Role.KEY_STRIDE: "k{number}",
    Role.KEY_WORD: "kw{number}",
    Role.ROW_WORD: "kx{number}",
    Role.SLOT: "g{number}",
    Role.PARTIAL: "z{number}",
    Role.ROW_VALUE: "sv{number}",
    Role.ROW_MASK: "sm{number}",
    Role.TEXT_BYTES: "tb{number}",
    Role.TEXT_SIZE: "tn{number}",
    Role.TEXT_OFFSETS: "to{number}",
    Role.TEXT_ROWS: "tr{number}",
    Role.CONTROL: "{part}",
}


class Argument(NamedTuple):
    """One argument of a kernel.

    Attributes
    ----------
    role : Role
    number : int
        Which one of its kind: a column, a literal, a join table, an accumulator.
    part : str
        Which part of a join table, or the name of a control.
    """

    role: Role
    number: int = 0
    part: str = ""

    @property
    def name(self) -> str:
        """How generated text spells it."""
        return _SPELLINGS[self.role].format(number=self.number, part=self.part)


Arguments = dict[Argument, Any]
"""A value for each argument."""


def control(name: str) -> Argument:
    """The argument that there is one of, by its name."""
    return Argument(Role.CONTROL, part=name)


def name_of(role: Role, number: int) -> str:
    """How generated text spells an argument."""
    return Argument(role, number).name


def pattern_of(roles: Iterable[Role], controls: Iterable[str] = ()) -> str:
    """A regular expression for the names of arguments with these roles, and of these controls, in generated text."""
    spelled = (re.escape(_SPELLINGS[role].format(number="@", part="@")).replace("@", r"\d+") for role in roles)
    return "|".join([*spelled, *map(re.escape, controls)])
