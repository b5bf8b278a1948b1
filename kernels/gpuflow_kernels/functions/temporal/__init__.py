"""The built-in row functions of dates, timestamps and durations."""
