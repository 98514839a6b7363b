-- All rows of a check view.
SELECT
    requested_day,
    generation_id,
    problem
FROM query_table($check);
