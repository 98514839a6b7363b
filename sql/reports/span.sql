-- The times of the first and the last request in the warehouse, UTC.
SELECT
    min(requested_at) AS first_at,
    max(requested_at) AS last_at
FROM main.generations;
