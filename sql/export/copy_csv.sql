-- Rows into a CSV file: an empty text is quoted, NULL is not.
COPY ($rows) TO $path (FORMAT csv, HEADER true)
