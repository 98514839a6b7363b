-- grain: one row per generation ID that is stored more than once; must be empty
-- No key refuses a duplicate: the queries that insert look each ID up, and this view proves that they do.
CREATE OR REPLACE VIEW main.check_generation_id_unique AS
WITH generations AS (
    SELECT CAST(requested_at AS DATE) AS requested_day, generation_id FROM main.generations
),

final AS (
    SELECT
        requested_day,
        generation_id,
        'stored ' || count(*) || ' times' AS problem
    FROM generations
    GROUP BY requested_day, generation_id
    HAVING count(*) > 1
)

SELECT * FROM final;

COMMENT ON VIEW main.check_generation_id_unique IS 'One row per generation ID that is stored more than once. Must be empty.';
COMMENT ON COLUMN main.check_generation_id_unique.requested_day IS 'Day of the second inside the ID; NULL for legacy IDs. Unit: UTC.';
COMMENT ON COLUMN main.check_generation_id_unique.generation_id IS 'The ID.';
COMMENT ON COLUMN main.check_generation_id_unique.problem IS 'What is wrong.';
