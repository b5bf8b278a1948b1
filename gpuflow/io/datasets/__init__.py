"""Many files as one table: names, options, partitions, and which of them a filter needs."""
