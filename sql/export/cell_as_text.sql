-- A column as text, for types that not every tool reads.
CAST($column AS VARCHAR)
