-- grain: one row per day (UTC) with settled generations or IDs that were given up
-- What each day cost by OpenRouter's answers, and beside it what only the log tells: two columns, and their sum in a third.
CREATE OR REPLACE VIEW main.cost_daily_with_lost AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
),

lost AS (
    SELECT * FROM ops.work
    WHERE state = 'dead'
),

parts AS (
    SELECT
        requested_day,
        request_count,
        total_usage,
        0 AS lost_count,
        0 AS unknown_lost_count,
        0 AS logged_only_usage
    FROM cells
    UNION ALL
    SELECT
        CAST(coalesce(requested_at, logged_at) AS DATE) AS requested_day,
        0 AS request_count,
        0 AS total_usage,
        1 AS lost_count,
        CASE WHEN logged_usage IS NULL THEN 1 ELSE 0 END AS unknown_lost_count,
        coalesce(logged_usage, 0) + coalesce(logged_byok_usage, 0) AS logged_only_usage
    FROM lost
),

final AS (
    SELECT
        requested_day,
        CAST(sum(request_count) AS BIGINT) AS request_count,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(sum(lost_count) AS BIGINT) AS lost_count,
        CAST(sum(unknown_lost_count) AS BIGINT) AS unknown_lost_count,
        CAST(sum(logged_only_usage) AS DECIMAL(28, 12)) AS logged_only_usage,
        CAST(sum(total_usage) + sum(logged_only_usage) AS DECIMAL(28, 12)) AS usage_with_logged_only
    FROM parts
    GROUP BY requested_day
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_daily_with_lost IS 'One row per day (UTC): what it cost by the answers of OpenRouter, and beside it what only the log tells, of IDs that were given up. Made of ops.cost_rollup, as of the last publish.';
COMMENT ON COLUMN main.cost_daily_with_lost.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN main.cost_daily_with_lost.request_count IS 'Settled generations. Unit: generations.';
COMMENT ON COLUMN main.cost_daily_with_lost.total_usage IS 'What they cost in all, as in cost_daily. Unit: USD.';
COMMENT ON COLUMN main.cost_daily_with_lost.lost_count IS 'IDs that were given up. Unit: IDs.';
COMMENT ON COLUMN main.cost_daily_with_lost.unknown_lost_count IS 'Those of them of which the log tells no cost either. Unit: IDs.';
COMMENT ON COLUMN main.cost_daily_with_lost.logged_only_usage IS 'What the others cost in all, as the log tells it and nobody has confirmed: see cost_of_lost_generations. Unit: USD.';
COMMENT ON COLUMN main.cost_daily_with_lost.usage_with_logged_only IS 'total_usage + logged_only_usage. Unit: USD.';
