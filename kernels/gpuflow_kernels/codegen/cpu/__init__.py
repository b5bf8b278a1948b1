"""Kernels of CPU cores."""
