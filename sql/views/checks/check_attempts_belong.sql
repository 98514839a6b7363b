-- grain: one row per generation ID whose attempts or contents are stored twice, in part or without their generation; must be empty
CREATE OR REPLACE VIEW main.check_attempts_belong AS
WITH details AS (
    SELECT
        CAST(requested_at AS DATE) AS requested_day,
        generation_id,
        NULL AS attempt,
        coalesce(attempts, 0) AS told,
        'generation' AS kind
    FROM main.generations
    UNION ALL
    SELECT
        CAST(requested_at AS DATE) AS requested_day,
        generation_id,
        attempt,
        NULL AS told,
        'attempt' AS kind
    FROM main.provider_attempts
    UNION ALL
    SELECT
        CAST(requested_at AS DATE) AS requested_day,
        generation_id,
        NULL AS attempt,
        NULL AS told,
        'content' AS kind
    FROM main.generation_contents
),

counted AS (
    SELECT
        requested_day,
        generation_id,
        count(*) FILTER (WHERE kind = 'generation') AS generations,
        count(*) FILTER (WHERE kind = 'attempt') AS attempts,
        count(DISTINCT attempt) AS numbers,
        max(told) AS told,
        count(*) FILTER (WHERE kind = 'content') AS contents
    FROM details
    GROUP BY requested_day, generation_id
),

final AS (
    SELECT
        requested_day,
        generation_id,
        generations || ' generations, ' || attempts || ' attempts of ' || coalesce(told, 0) || ' told, ' || numbers
        || ' numbers, ' || contents || ' contents' AS problem
    FROM counted
    WHERE generations = 0 OR attempts <> told OR numbers <> attempts OR contents > 1
)

SELECT * FROM final;

COMMENT ON VIEW main.check_attempts_belong IS 'One row per generation ID whose attempts or contents are stored twice, in part, or without their generation. Must be empty.';
COMMENT ON COLUMN main.check_attempts_belong.requested_day IS 'Day of the second inside the ID; NULL for legacy IDs. Unit: UTC.';
COMMENT ON COLUMN main.check_attempts_belong.generation_id IS 'The ID.';
COMMENT ON COLUMN main.check_attempts_belong.problem IS 'What is wrong.';
