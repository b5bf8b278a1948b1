"""Pages of Parquet files on a CPU."""
