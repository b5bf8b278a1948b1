"""Running plans: stages on partitions, and the Dask graphs that schedule them."""

from .dask import collect, explain_kernel, explain_physical, graph, persist, situation, source_of

__all__ = ["collect", "explain_kernel", "explain_physical", "graph", "persist", "situation", "source_of"]
