-- Writes rows to a Parquet file.
COPY ($rows) TO $path (FORMAT parquet, COMPRESSION $compression)
