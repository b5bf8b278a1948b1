"""The row function `cast`, by the types it goes between."""
