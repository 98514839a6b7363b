-- The times of the first and the last request in the warehouse, and the first and the last day of requests of which
-- only the day is known, UTC.
SELECT
    min(requested_at) AS first_at,
    max(requested_at) AS last_at,
    min(requested_day) FILTER (WHERE requested_at IS NULL) AS first_day,
    max(requested_day) FILTER (WHERE requested_at IS NULL) AS last_day
FROM main.generations;
