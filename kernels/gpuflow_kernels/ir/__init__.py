"""What a kernel computes, as data: typed expressions and pipelines."""
