-- All that a check view shows.
SELECT
    requested_day,
    generation_id,
    problem
FROM query_table($check);
