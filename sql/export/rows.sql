-- The rows of one exported file, sorted.
SELECT $columns
FROM $source
WHERE $condition
ORDER BY $order
