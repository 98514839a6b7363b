-- grain: one row per day (UTC) of the request
-- What each day cost. Every settled generation is in exactly one row; a day without traffic has none.
CREATE OR REPLACE VIEW main.cost_daily AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
),

final AS (
    SELECT
        requested_day,
        CAST(sum(request_count) AS BIGINT) AS request_count,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(sum(openrouter_usage) AS DECIMAL(28, 12)) AS openrouter_usage,
        CAST(sum(credits_usage) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(sum(byok_fees) AS DECIMAL(28, 12)) AS byok_fees,
        CAST(sum(byok_usage) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(sum(cache_discount) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(sum(cancelled_usage) AS DECIMAL(28, 12)) AS cancelled_usage,
        CAST(sum(failed_usage) AS DECIMAL(28, 12)) AS failed_usage,
        CAST(sum(truncated_usage) AS DECIMAL(28, 12)) AS truncated_usage,
        CAST(sum(filtered_usage) AS DECIMAL(28, 12)) AS filtered_usage,
        CAST(sum(web_search_usage) AS DECIMAL(28, 12)) AS web_search_usage,
        CAST(sum(response_cache_hits) AS BIGINT) AS response_cache_hits,
        CAST(sum(unknown_cost_count) AS BIGINT) AS unknown_cost_count,
        CAST(sum(tokens_prompt) AS BIGINT) AS tokens_prompt,
        CAST(sum(tokens_completion) AS BIGINT) AS tokens_completion,
        CAST(sum(tokens_reasoning) AS BIGINT) AS tokens_reasoning,
        CAST(sum(tokens_cached) AS BIGINT) AS tokens_cached,
        CAST(sum(tokens_cached) / nullif(sum(tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * sum(priced_usage) / nullif(sum(priced_tokens), 0) AS DOUBLE) AS blended_cost_per_million_tokens
    FROM cells
    GROUP BY requested_day
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_daily IS 'One row per day (UTC) of the request: what it cost. Every settled generation is in exactly one row; sums over the rows are the total. Made of ops.cost_rollup, as of the last publish.';
COMMENT ON COLUMN main.cost_daily.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN main.cost_daily.request_count IS 'Generations. Unit: generations.';
COMMENT ON COLUMN main.cost_daily.total_usage IS 'What they cost in all: openrouter_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.openrouter_usage IS 'Charged by OpenRouter: credits_usage + byok_fees. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.credits_usage IS 'Charged to credits for inference, without BYOK. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.byok_fees IS 'OpenRouter''s fees for BYOK. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.byok_usage IS 'Charged by providers to your own keys, estimated at market rates. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.cache_discount IS 'Saved by prompt caching, already taken off; negative where writing caches cost more. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.cancelled_usage IS 'The part of total_usage spent on cancelled generations. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.failed_usage IS 'The part of total_usage spent on failed generations. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.truncated_usage IS 'The part of total_usage spent on answers cut at a token limit. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.filtered_usage IS 'The part of total_usage spent on answers a content filter stopped. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.web_search_usage IS 'The part of total_usage spent on generations that searched or fetched web pages, inference included. Unit: USD.';
COMMENT ON COLUMN main.cost_daily.response_cache_hits IS 'Generations copied from an earlier answer, at no cost. Unit: generations.';
COMMENT ON COLUMN main.cost_daily.unknown_cost_count IS 'Generations whose answer did not tell their whole cost, which is booked as 0: see cost_basis. Unit: generations.';
COMMENT ON COLUMN main.cost_daily.tokens_prompt IS 'Prompt tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.cost_daily.tokens_completion IS 'Completion tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.cost_daily.tokens_reasoning IS 'Reasoning tokens, which tokens_completion contains. Unit: tokens.';
COMMENT ON COLUMN main.cost_daily.tokens_cached IS 'Prompt tokens read from providers'' caches, which tokens_prompt contains. Unit: tokens.';
COMMENT ON COLUMN main.cost_daily.cache_hit_rate IS 'Share of prompt tokens read from the provider''s cache; NULL without prompt tokens. Unit: 0 to 1.';
COMMENT ON COLUMN main.cost_daily.blended_cost_per_million_tokens IS 'total_usage per million prompt and completion tokens, response-cache hits left out; NULL without tokens. Unit: USD per million tokens.';
