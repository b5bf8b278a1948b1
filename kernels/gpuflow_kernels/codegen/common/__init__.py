"""Text that is the same on every target."""
