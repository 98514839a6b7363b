-- The names of the fields of log lines that were kept with IDs.
SELECT DISTINCT unnest(json_keys(log_fields)) AS name
FROM (
    SELECT log_fields FROM main.generations
    UNION ALL
    SELECT log_fields FROM ops.work
)
ORDER BY name;
