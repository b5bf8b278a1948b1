"""The tables that users hold: `Frame`, which is not computed, `Table`, which is, and `GroupBy`."""
