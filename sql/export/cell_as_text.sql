-- A value of a type that not every tool reads.
CAST($column AS VARCHAR)
