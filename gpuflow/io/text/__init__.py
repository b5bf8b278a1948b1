"""Files of text as sources: delimited text, JSON lines, JSON documents."""
