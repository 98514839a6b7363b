-- The rows of one exported file, in their order. Substituted texts are quoted names from the catalog.
SELECT $columns
FROM query_table($relation)
WHERE $condition
ORDER BY $order
