-- Writes rows to a file with one JSON object per line. Decimals keep their digits.
COPY ($rows) TO $path (FORMAT json)
