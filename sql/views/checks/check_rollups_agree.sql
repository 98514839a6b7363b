-- grain: one row per day whose rollup is not the sum of its facts; must be empty
-- The rollup of a day counts the day's generations and adds up what they were charged; the rest is made by the same
-- statement.
CREATE OR REPLACE VIEW main.check_rollups_agree AS
WITH facts AS (
    SELECT * FROM main.generations
    WHERE booked_under IS NULL
),

rollup AS (
    SELECT * FROM ops.cost_rollup
),

sums AS (
    SELECT
        requested_day,
        count(*) AS generations,
        sum(coalesce(usage, total_cost, 0)) AS usage
    FROM facts
    GROUP BY requested_day
    UNION ALL
    SELECT
        requested_day,
        -sum(request_count) AS generations,
        -coalesce(sum(credits_usage), 0) AS usage
    FROM rollup
    GROUP BY requested_day
),

final AS (
    SELECT
        requested_day,
        CAST(NULL AS VARCHAR) AS generation_id,
        'the rollup is off by ' || -sum(generations) || ' generations and ' || -sum(usage) || ' USD' AS problem
    FROM sums
    GROUP BY requested_day
    HAVING sum(generations) <> 0 OR sum(usage) <> 0
)

SELECT * FROM final;

COMMENT ON VIEW main.check_rollups_agree IS 'One row per day whose rollup is not the sum of its facts. Must be empty.';
COMMENT ON COLUMN main.check_rollups_agree.requested_day IS 'Day; NULL for generations without one. Unit: UTC.';
COMMENT ON COLUMN main.check_rollups_agree.generation_id IS 'Always NULL: it is about a day.';
COMMENT ON COLUMN main.check_rollups_agree.problem IS 'What is off.';
