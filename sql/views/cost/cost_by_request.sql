-- grain: one row per API request
-- What each API request cost: one may fan out into several generations. Generations that name none share the row NULL.
CREATE OR REPLACE VIEW main.cost_by_request AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        request_id,
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
        CAST(coalesce(sum(native_tokens_cached), 0) / nullif(sum(native_tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * sum(total_usage) FILTER (WHERE NOT is_response_cache_hit)
            / nullif(sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0))
                     FILTER (WHERE NOT is_response_cache_hit), 0) AS DOUBLE) AS blended_cost_per_million_tokens,
        CAST(min(requested_day) AS DATE) AS first_day,
        CAST(max(requested_day) AS DATE) AS last_day
    FROM facts
    GROUP BY request_id
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_request IS 'One row per API request, which may fan out into several generations: what it cost. Every settled generation is in exactly one row.';
COMMENT ON COLUMN main.cost_by_request.request_id IS 'API request; NULL where the answer named none.';
COMMENT ON COLUMN main.cost_by_request.request_count IS 'Generations. Unit: generations.';
COMMENT ON COLUMN main.cost_by_request.total_usage IS 'What they cost in all: openrouter_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.openrouter_usage IS 'Charged by OpenRouter: credits_usage + byok_fees. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.credits_usage IS 'Charged to credits for inference, without BYOK. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.byok_fees IS 'OpenRouter''s fees for BYOK. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.byok_usage IS 'Charged by providers to your own keys, estimated at market rates. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.cache_discount IS 'Saved by prompt caching, already taken off; negative where writing caches cost more. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.cancelled_usage IS 'The part of total_usage spent on cancelled generations. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.failed_usage IS 'The part of total_usage spent on failed generations. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.truncated_usage IS 'The part of total_usage spent on answers cut at a token limit. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.filtered_usage IS 'The part of total_usage spent on answers a content filter stopped. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.web_search_usage IS 'The part of total_usage spent on generations that searched or fetched web pages, inference included. Unit: USD.';
COMMENT ON COLUMN main.cost_by_request.response_cache_hits IS 'Generations copied from an earlier answer, at no cost. Unit: generations.';
COMMENT ON COLUMN main.cost_by_request.unknown_cost_count IS 'Generations whose answer did not tell their whole cost, which is booked as 0: see cost_basis. Unit: generations.';
COMMENT ON COLUMN main.cost_by_request.tokens_prompt IS 'Prompt tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.cost_by_request.tokens_completion IS 'Completion tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.cost_by_request.tokens_reasoning IS 'Reasoning tokens, which tokens_completion contains. Unit: tokens.';
COMMENT ON COLUMN main.cost_by_request.tokens_cached IS 'Prompt tokens read from providers'' caches, which tokens_prompt contains. Unit: tokens.';
COMMENT ON COLUMN main.cost_by_request.cache_hit_rate IS 'Share of prompt tokens read from the provider''s cache; NULL without prompt tokens. Unit: 0 to 1.';
COMMENT ON COLUMN main.cost_by_request.blended_cost_per_million_tokens IS 'total_usage per million prompt and completion tokens, response-cache hits left out; NULL without tokens. Unit: USD per million tokens.';
COMMENT ON COLUMN main.cost_by_request.first_day IS 'First day with such a request. Unit: UTC.';
COMMENT ON COLUMN main.cost_by_request.last_day IS 'Last day with such a request. Unit: UTC.';
