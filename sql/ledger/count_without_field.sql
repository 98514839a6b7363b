-- Counts the known IDs whose log fields do not contain a key.
SELECT
    (SELECT count(*) FROM ops.work WHERE NOT coalesce(contains(log_fields, $key), false))
    + (SELECT count(*) FROM main.generations WHERE NOT coalesce(contains(log_fields, $key), false));
