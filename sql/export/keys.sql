-- The values that divide an export into files, up to a limit. Substituted texts are quoted names from the catalog.
SELECT DISTINCT $key AS key
FROM query_table($relation)
WHERE $condition
ORDER BY key
LIMIT $most
