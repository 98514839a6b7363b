-- Writes rows into a CSV file. Empty text is quoted and NULL is not, so that readers can distinguish them.
COPY ($rows) TO $path (FORMAT csv, HEADER true)
