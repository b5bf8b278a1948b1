"""The built-in row functions of strings."""
