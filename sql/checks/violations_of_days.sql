-- The rows of a check view for some days, and those that belong to no day.
SELECT
    requested_day,
    generation_id,
    problem
FROM query_table($check)
WHERE requested_day IS NULL
   OR list_contains(CAST($days AS DATE[]), requested_day);
