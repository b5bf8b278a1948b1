"""Tables in memory as sources."""
