-- grain: one row per model
-- What each model cost over all of history. Every settled generation is in exactly one row.
CREATE OR REPLACE VIEW main.cost_by_model AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
),

final AS (
    SELECT
        model,
        -- include: cost_sums_of_rollup
        CAST(least(sum(cached_tokens), sum(tokens_prompt)) / nullif(sum(tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * sum(priced_usage) / nullif(sum(priced_tokens), 0) AS DOUBLE) AS blended_cost_per_million_tokens,
        CAST(min(requested_day) AS DATE) AS first_day,
        CAST(max(requested_day) AS DATE) AS last_day
    FROM cells
    GROUP BY model
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_model IS 'One row per model: what it cost over all of history. Every settled generation is in exactly one row. Made of ops.cost_rollup, as of the last publish.';
COMMENT ON COLUMN main.cost_by_model.model IS 'Model that answered; NULL where the answer named none.';
-- include: cost_comments relation=main.cost_by_model count=request_count
-- include: cost_rate_comments relation=main.cost_by_model
-- include: day_range_comments relation=main.cost_by_model
