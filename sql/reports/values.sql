-- The values of a dimension of generations, in all of history; not of a dimension of time.
WITH timed AS (
    SELECT
        *,
        requested_at AS local_at,
        'Z' AS label,
        CAST(NULL AS VARCHAR) AS team
    FROM main.generation_facts
)

SELECT DISTINCT
    -- include: fact_dimensions name=$by_1
    AS value
FROM timed
ORDER BY value;
