"""Filtering, grouping, joining, partitioning and sorting of columns."""
