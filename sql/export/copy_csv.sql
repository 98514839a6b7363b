-- Writes rows to a CSV file. An empty text is quoted, NULL is not.
COPY ($rows) TO $path (FORMAT csv, HEADER true)
