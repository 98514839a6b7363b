-- The rows of one exported file, sorted.
SELECT $columns
FROM query_table($relation)
WHERE $condition
ORDER BY $order
