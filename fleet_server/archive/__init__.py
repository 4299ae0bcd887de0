"""The archive: the fleet's history as Parquet files that any tool reads."""
