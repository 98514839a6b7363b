-- grain: one row per day (UTC) of the request
-- What each day cost. Every settled generation is in exactly one row; a day without traffic has none.
CREATE OR REPLACE VIEW main.cost_daily AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
),

final AS (
    SELECT
        requested_day,
        -- include: cost_sums_of_rollup
        CAST(least(sum(cached_tokens), sum(tokens_prompt)) / nullif(sum(tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * sum(priced_usage) / nullif(sum(priced_tokens), 0) AS DOUBLE) AS blended_cost_per_million_tokens
    FROM cells
    GROUP BY requested_day
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_daily IS 'One row per day (UTC) of the request: what it cost. Every settled generation is in exactly one row; sums over the rows are the total. Made of ops.cost_rollup, as of the last publish.';
COMMENT ON COLUMN main.cost_daily.requested_day IS 'Day of the request. Unit: UTC.';
-- include: cost_comments relation=main.cost_daily count=request_count
-- include: cost_rate_comments relation=main.cost_daily
