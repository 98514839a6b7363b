-- The rows of one file of an export, in its order. What is filled in is made of names of the catalog, quoted.
SELECT $columns
FROM query_table($relation)
WHERE $condition
ORDER BY $order
