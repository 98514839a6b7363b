-- Rows into a file of one JSON object a line; decimals keep their digits.
COPY ($rows) TO $path (FORMAT json)
