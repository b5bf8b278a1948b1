"""The logical nodes that several modules build, match or lower, in one import; others are imported from their own file."""

from __future__ import annotations

from .aggregate import Aggregate, Distinct
from .filter import Filter
from .joins import Join
from .limit import Limit
from .plan import Plan, transform_plan
from .project import Project
from .scan import Scan
from .sort import Sort
from .typed_rows import passthrough
from .union import Union

__all__ = [
    "Aggregate",
    "Distinct",
    "Filter",
    "Join",
    "Limit",
    "Plan",
    "Project",
    "Scan",
    "Sort",
    "Union",
    "passthrough",
    "transform_plan",
]
