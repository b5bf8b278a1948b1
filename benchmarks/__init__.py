"""Benchmarks of gpuflow beside other engines. ``python -m benchmarks --help``."""
