-- What prompt caching and the response cache saved, by up to three dimensions; periods, parts and $top as in
-- reports/cost.sql. Prompt caching counts as the discount that is already deducted from usage. A response cache hit counts
-- as the cost of the paid answer of which it is a copy, or a copy of a copy, whenever that was made, if it is in the
-- warehouse.
-- include: period_shifts

-- include: period_facts condition=true

-- include: paid_answers

priced AS (
    SELECT
        timed.*,
        paid_answers.copied_usage
    FROM timed
    LEFT JOIN paid_answers ON paid_answers.generation_id = timed.generation_id
),

cells AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
        min(coalesce(requested_at, local_at)) AS began,
        count(*) AS request_count,
        count(*) FILTER (WHERE native_tokens_cached > 0) AS cached_request_count,
        coalesce(sum(native_tokens_prompt), 0) AS tokens_prompt,
        coalesce(sum(native_tokens_cached), 0) AS cached_tokens,
        coalesce(sum(cache_discount) FILTER (WHERE cache_discount > 0), 0) AS saved_usage,
        coalesce(-sum(cache_discount) FILTER (WHERE cache_discount < 0), 0) AS cache_write_usage,
        coalesce(sum(cache_discount), 0) AS cache_discount,
        sum(total_usage) AS total_usage,
        sum(total_usage) + coalesce(sum(cache_discount), 0) AS usage_without_cache,
        count(*) FILTER (WHERE is_response_cache_hit) AS response_cache_hits,
        coalesce(sum(copied_usage), 0) AS response_cache_saved_usage
    FROM priced
    GROUP BY key_1, key_2, key_3
),

-- include: top_rows measure="cache_discount + response_cache_saved_usage"

added AS (
    SELECT
        -- include: summed_keys
        sum(request_count) AS request_count,
        sum(cached_request_count) AS cached_request_count,
        sum(tokens_prompt) AS tokens_prompt,
        sum(cached_tokens) AS cached_tokens,
        sum(saved_usage) AS saved_usage,
        sum(cache_write_usage) AS cache_write_usage,
        sum(cache_discount) AS cache_discount,
        sum(total_usage) AS total_usage,
        sum(usage_without_cache) AS usage_without_cache,
        sum(response_cache_hits) AS response_cache_hits,
        sum(response_cache_saved_usage) AS response_cache_saved_usage
    FROM kept
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
        CAST(coalesce(request_count, 0) AS BIGINT) AS request_count,
        CAST(coalesce(cached_request_count, 0) AS BIGINT) AS cached_request_count,
        CAST(coalesce(tokens_prompt, 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(cached_tokens, 0) AS BIGINT) AS cached_tokens,
        CAST(coalesce(saved_usage, 0) AS DECIMAL(28, 12)) AS saved_usage,
        CAST(coalesce(cache_write_usage, 0) AS DECIMAL(28, 12)) AS cache_write_usage,
        CAST(coalesce(cache_discount, 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(coalesce(total_usage, 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(usage_without_cache, 0) AS DECIMAL(28, 12)) AS usage_without_cache,
        CAST(coalesce(response_cache_hits, 0) AS BIGINT) AS response_cache_hits,
        CAST(coalesce(response_cache_saved_usage, 0) AS DECIMAL(28, 12)) AS response_cache_saved_usage,
        CAST(least(cached_tokens, tokens_prompt) / nullif(tokens_prompt, 0) AS DOUBLE) AS cache_hit_rate
    FROM added
)

-- include: key_order measure="cache_discount + response_cache_saved_usage"
