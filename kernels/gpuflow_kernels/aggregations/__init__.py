"""The built-in aggregations."""
