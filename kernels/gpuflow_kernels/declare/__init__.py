"""How row functions and aggregations are declared, and the registries that hold them."""
