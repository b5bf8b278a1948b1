"""Expressions: what users write (`Expr`), what it is made of (`nodes`), and how it meets a table (`bind`)."""

from .expr import Expr
from .functions import (
    all,
    coalesce,
    col,
    concat_str,
    len,
    lit,
    max_horizontal,
    min_horizontal,
    when,
)
from .time_functions import date, datetime, duration, from_epoch
from .when_then import Then, When

__all__ = [
    "Expr",
    "Then",
    "When",
    "all",
    "coalesce",
    "col",
    "concat_str",
    "date",
    "datetime",
    "duration",
    "from_epoch",
    "len",
    "lit",
    "max_horizontal",
    "min_horizontal",
    "when",
]
