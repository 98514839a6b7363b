-- Money as a floating-point number.
CAST($column AS DOUBLE)
