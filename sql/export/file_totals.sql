-- What a manifest tells of one file of an export: its number of rows, and the exact sums of its money.
SELECT $figures
FROM query_table($relation)
WHERE $condition
