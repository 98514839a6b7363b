-- grain: one row per provider
-- What each provider cost over all of history: the one that answered, not those that failed before it.
CREATE OR REPLACE VIEW main.cost_by_provider AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
),

final AS (
    SELECT
        provider_name,
        -- include: cost_sums_of_rollup
        CAST(least(sum(cached_tokens), sum(tokens_prompt)) / nullif(sum(tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * sum(priced_usage) / nullif(sum(priced_tokens), 0) AS DOUBLE) AS blended_cost_per_million_tokens,
        CAST(min(requested_day) AS DATE) AS first_day,
        CAST(max(requested_day) AS DATE) AS last_day
    FROM cells
    GROUP BY provider_name
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_provider IS 'One row per provider that answered: what it cost over all of history. Every settled generation is in exactly one row. Made of ops.cost_rollup, as of the last publish.';
COMMENT ON COLUMN main.cost_by_provider.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
-- include: cost_comments relation=main.cost_by_provider count=request_count
-- include: cost_rate_comments relation=main.cost_by_provider
-- include: day_range_comments relation=main.cost_by_provider
