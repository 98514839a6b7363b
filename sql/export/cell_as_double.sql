-- A money column as a floating-point number.
CAST($column AS DOUBLE)
