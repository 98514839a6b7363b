-- The values of the partition column, each of which becomes one file, up to a maximum number of values.
SELECT DISTINCT $value_expression AS value
FROM $source
WHERE $condition
ORDER BY value
LIMIT $max_values
