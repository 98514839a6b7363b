-- Writes rows into a file with one JSON object per line. Decimals keep all digits.
COPY ($rows) TO $path (FORMAT json)
