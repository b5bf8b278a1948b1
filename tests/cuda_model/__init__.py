"""Runs what the CUDA target generates without a device: its text as Python, a greenlet for each device thread.

Warps, barriers, shared memory, atomics and stores that are seen late behave as the CUDA model allows and no better; a
race, a read of unwritten memory, an access out of bounds or a barrier that not all threads reach raises a `Fault`.
"""
