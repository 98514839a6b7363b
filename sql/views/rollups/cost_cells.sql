-- grain: one row per day (UTC), model and provider
-- What the rollup ops.cost_rollup holds, computed from the facts: sums only, so that they can be summed on.
CREATE OR REPLACE VIEW ops.cost_cells AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        requested_day,
        model,
        provider_name,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(sum(openrouter_usage) AS DECIMAL(28, 12)) AS openrouter_usage,
        CAST(sum(credits_usage) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(sum(byok_fees) AS DECIMAL(28, 12)) AS byok_fees,
        CAST(sum(byok_usage) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(coalesce(sum(cache_discount), 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'cancelled'), 0) AS DECIMAL(28, 12)) AS cancelled_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'failed'), 0) AS DECIMAL(28, 12)) AS failed_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'truncated'), 0) AS DECIMAL(28, 12)) AS truncated_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'filtered'), 0) AS DECIMAL(28, 12)) AS filtered_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE is_web_search), 0) AS DECIMAL(28, 12)) AS web_search_usage,
        CAST(count(*) FILTER (WHERE is_response_cache_hit) AS BIGINT) AS response_cache_hits,
        CAST(count(*) FILTER (WHERE cost_basis IN ('unknown', 'byok_unknown')) AS BIGINT) AS unknown_cost_count,
        CAST(coalesce(sum(native_tokens_prompt), 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(sum(native_tokens_completion), 0) AS BIGINT) AS tokens_completion,
        CAST(coalesce(sum(native_tokens_reasoning), 0) AS BIGINT) AS tokens_reasoning,
        CAST(coalesce(sum(native_tokens_cached), 0) AS BIGINT) AS tokens_cached,
        CAST(coalesce(sum(total_usage) FILTER (WHERE NOT is_response_cache_hit), 0) AS DECIMAL(28, 12)) AS priced_usage,
        CAST(coalesce(sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0)) FILTER (WHERE NOT is_response_cache_hit), 0) AS BIGINT) AS priced_tokens
    FROM facts
    GROUP BY requested_day, model, provider_name
)

SELECT * FROM final;

COMMENT ON VIEW ops.cost_cells IS 'One row per day (UTC), model and provider: sums over the facts. ops.cost_rollup holds the same rows, ready made at each publish.';
COMMENT ON COLUMN ops.cost_cells.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN ops.cost_cells.model IS 'Model that answered.';
COMMENT ON COLUMN ops.cost_cells.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN ops.cost_cells.request_count IS 'Generations. Unit: generations.';
COMMENT ON COLUMN ops.cost_cells.total_usage IS 'What they cost in all: openrouter_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.openrouter_usage IS 'Charged by OpenRouter: credits_usage + byok_fees. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.credits_usage IS 'Charged to credits for inference, without BYOK. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.byok_fees IS 'OpenRouter''s fees for BYOK. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.byok_usage IS 'Charged by providers to your own keys, estimated at market rates. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.cache_discount IS 'Saved by prompt caching, already taken off; negative where writing caches cost more. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.cancelled_usage IS 'The part of total_usage spent on cancelled generations. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.failed_usage IS 'The part of total_usage spent on failed generations. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.truncated_usage IS 'The part of total_usage spent on answers cut at a token limit. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.filtered_usage IS 'The part of total_usage spent on answers a content filter stopped. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.web_search_usage IS 'The part of total_usage spent on generations that searched or fetched web pages, inference included. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.response_cache_hits IS 'Generations copied from an earlier answer, at no cost. Unit: generations.';
COMMENT ON COLUMN ops.cost_cells.unknown_cost_count IS 'Generations whose answer did not tell their whole cost, which is booked as 0: see cost_basis. Unit: generations.';
COMMENT ON COLUMN ops.cost_cells.tokens_prompt IS 'Prompt tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN ops.cost_cells.tokens_completion IS 'Completion tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN ops.cost_cells.tokens_reasoning IS 'Reasoning tokens, which tokens_completion contains. Unit: tokens.';
COMMENT ON COLUMN ops.cost_cells.tokens_cached IS 'Prompt tokens read from providers'' caches, which tokens_prompt contains. Unit: tokens.';
COMMENT ON COLUMN ops.cost_cells.priced_usage IS 'total_usage without response-cache hits. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.priced_tokens IS 'Prompt and completion tokens without response-cache hits. Unit: tokens.';
