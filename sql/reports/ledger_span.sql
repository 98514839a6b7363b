-- The same as reports/span.sql for all IDs, settled or not.
WITH seen AS (
    SELECT
        requested_at,
        requested_day
    FROM main.generations
    UNION ALL
    SELECT
        requested_at,
        NULL AS requested_day
    FROM ops.work
)

SELECT
    min(requested_at) AS first_at,
    max(requested_at) AS last_at,
    min(requested_day) FILTER (WHERE requested_at IS NULL) AS first_day,
    max(requested_day) FILTER (WHERE requested_at IS NULL) AS last_day
FROM seen;
