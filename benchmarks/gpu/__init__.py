"""``python -m benchmarks.gpu``: everything that can be proven on a CUDA device, in one run with a time limit.

The run is made of parts, each in a process of its own: a part that fails, hangs or breaks the device's context takes
nothing else with it. `check` runs them, `part` is what such a process runs, `report` writes down what came out.
"""
