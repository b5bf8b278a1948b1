"""Runs what the CUDA target generates without a device: its text as Python, its threads one after another or switching
at every atomic, guarded NumPy arrays in the place of those of CuPy."""
