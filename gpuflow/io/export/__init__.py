"""Results in the form of other libraries."""
