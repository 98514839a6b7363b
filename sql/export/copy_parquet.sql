-- Writes rows into a Parquet file.
COPY ($rows) TO $path (FORMAT parquet, COMPRESSION $compression)
