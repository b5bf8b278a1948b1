"""What the interpreter finds, as one typed error that quotes the text it ran."""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from types import CodeType, FrameType
from typing import Literal

Kind = Literal["race", "bounds", "unwritten", "barrier", "warp", "deadlock", "type", "misaligned", "shared", "launch"]
Place = tuple[CodeType, int]
"""A point of a text: a code object and the offset of its instruction, which is cheap to take at every access."""


class Fault(Exception):
    """A kernel that real hardware may run wrongly.

    Parameters
    ----------
    kind : Kind
        ``race``: two accesses to one element, not ordered, not both atomic. ``bounds``: outside an array. ``unwritten``:
        a read of memory that holds nothing. ``barrier``: not all threads of a block are at one barrier. ``warp``: lanes
        and their mask do not agree. ``deadlock``: nobody can go on, or the budget of steps is spent. ``type``: what the
        compiler refuses or takes otherwise. ``misaligned``: a vector access. ``shared``: too much shared memory.
        ``launch``: arguments that do not fit.
    kernel : str
        The kernel's name.
    places : iterable of Place
        The points of the text that are to blame.
    detail : str
        What happened, in words.
    """

    def __init__(self, kind: Kind, kernel: str, places: Iterable[Place], detail: str) -> None:
        lines = [(code.co_filename, line_of((code, offset))) for code, offset in places]
        self.kind, self.kernel, self.detail = kind, kernel, detail
        self.lines = tuple(line for _, line in lines)
        quoted = [f"\n    {line}: {linecache.getline(file, line).strip()}" for file, line in dict.fromkeys(lines)]
        super().__init__(f"{kind} in {kernel}: {detail}{''.join(quoted)}")


def line_of(place: Place) -> int:
    """The line of the text that an instruction belongs to."""
    code, offset = place
    for start, stop, line in code.co_lines():
        if start <= offset < stop and line is not None:
            return line
    return code.co_firstlineno


def place_of(frame: FrameType) -> Place:
    return frame.f_code, frame.f_lasti


def calls_of(frame: FrameType, kernel: CodeType) -> tuple[Place, ...]:
    """The point a thread is at and those it was called from, up to the kernel."""
    places = [place_of(frame)]
    while frame.f_code is not kernel and frame.f_back is not None:
        frame = frame.f_back
        places.append(place_of(frame))
    return tuple(places)
