"""Runs what the CUDA target generates without a device: its text as Python, its threads one after another or switching
at every atomic, NumPy in the place of CuPy."""
