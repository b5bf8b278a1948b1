"""Columns from Arrow arrays and back; no files."""
