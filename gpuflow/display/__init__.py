"""How tables and frames are shown, in a terminal and in a notebook."""
