"""Kernels on arrays: declarations of row functions and aggregations, code generation, and the algorithms over both.

Knows NumPy, CuPy and Numba; no plans, files, column names or clusters. Importing it loads none of Numba and CuPy.
"""
