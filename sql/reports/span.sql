-- From when to when there are requests in the warehouse.
SELECT
    min(requested_at) AS first_at,
    max(requested_at) AS last_at
FROM main.generations;
