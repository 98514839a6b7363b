-- The values that divide an export into files, up to a bound; what is filled in is made of names of the catalog, quoted.
SELECT DISTINCT $key AS key
FROM query_table($relation)
WHERE $condition
ORDER BY key
LIMIT $most
