"""The built-in row functions."""
