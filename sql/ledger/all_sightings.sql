-- Every ID of a work copy with its call site, settled or not.
SELECT
    generation_id,
    source,
    position,
    line,
    logged_at,
    log_fields
FROM ops.work
UNION ALL
SELECT
    generation_id,
    source,
    source_position,
    source_line,
    logged_at,
    log_fields
FROM main.generations;
