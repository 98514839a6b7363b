-- Costs by up to three dimensions: the first $top rows (part 0), the sum of the others (part 1) and the total (part 2).
-- With $ready, for whole days (UTC) and dimensions of the rollup, the rows are summed from ops.cost_rollup, else from the
-- generations of the period.
-- include: period_shifts

-- include: period_facts condition="NOT $ready"

cells AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
        min(coalesce(requested_at, local_at)) AS began,
        -- include: cost_sums_of_facts
        coalesce(sum(total_usage) FILTER (WHERE is_priced), 0) AS priced_usage,
        coalesce(sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0))
                 FILTER (WHERE is_priced), 0) AS priced_tokens
    FROM timed
    GROUP BY key_1, key_2, key_3
    UNION ALL
    SELECT
        -- include: keys dimensions=rollup_dimensions
        min(CAST(requested_day AS TIMESTAMP)) AS began,
        -- include: cost_sums_of_rollup
        sum(priced_usage) AS priced_usage,
        sum(priced_tokens) AS priced_tokens
    FROM ops.cost_rollup
    WHERE $ready
      AND ($whole OR requested_day BETWEEN $first_day AND $last_day)
      AND (
        -- include: chosen dimensions=rollup_dimensions
      )
    GROUP BY key_1, key_2, key_3
),

-- include: top_rows measure=total_usage

added AS (
    SELECT
        -- include: summed_keys
        -- include: cost_sums_of_rollup
        sum(priced_usage) AS priced_usage,
        sum(priced_tokens) AS priced_tokens
    FROM kept
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
        CAST(coalesce(request_count, 0) AS BIGINT) AS request_count,
        CAST(coalesce(total_usage, 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(credits_usage, 0) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(coalesce(openrouter_usage, 0) AS DECIMAL(28, 12)) AS openrouter_usage,
        CAST(coalesce(byok_fees, 0) AS DECIMAL(28, 12)) AS byok_fees,
        CAST(coalesce(byok_usage, 0) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(coalesce(cache_discount, 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(coalesce(cancelled_usage, 0) AS DECIMAL(28, 12)) AS cancelled_usage,
        CAST(coalesce(failed_usage, 0) AS DECIMAL(28, 12)) AS failed_usage,
        CAST(coalesce(truncated_usage, 0) AS DECIMAL(28, 12)) AS truncated_usage,
        CAST(coalesce(filtered_usage, 0) AS DECIMAL(28, 12)) AS filtered_usage,
        CAST(coalesce(web_search_usage, 0) AS DECIMAL(28, 12)) AS web_search_usage,
        CAST(coalesce(response_cache_hits, 0) AS BIGINT) AS response_cache_hits,
        CAST(coalesce(unknown_cost_count, 0) AS BIGINT) AS unknown_cost_count,
        CAST(coalesce(tokens_prompt, 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(tokens_completion, 0) AS BIGINT) AS tokens_completion,
        CAST(coalesce(reasoning_tokens, 0) AS BIGINT) AS reasoning_tokens,
        CAST(coalesce(cached_tokens, 0) AS BIGINT) AS cached_tokens,
        CAST(least(cached_tokens, tokens_prompt) / nullif(tokens_prompt, 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * priced_usage / nullif(priced_tokens, 0) AS DOUBLE) AS blended_cost_per_million_tokens
    FROM added
)

-- include: key_order measure=total_usage
