-- What a check view shows for some days, and for what belongs to no day.
SELECT
    requested_day,
    generation_id,
    problem
FROM query_table($check)
WHERE requested_day IS NULL
   OR list_contains(CAST($days AS DATE[]), requested_day);
