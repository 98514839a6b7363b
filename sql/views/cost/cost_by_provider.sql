-- grain: one row per provider
-- What each provider cost over all of history. Every settled generation is in exactly one row.
CREATE OR REPLACE VIEW main.cost_by_provider AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        provider_name,
        CAST(count(*) AS BIGINT) AS request_count,
        min(requested_day) AS first_day,
        max(requested_day) AS last_day,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(sum(openrouter_usage) AS DECIMAL(28, 12)) AS openrouter_usage,
        CAST(sum(credits_usage) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(sum(byok_fees) AS DECIMAL(28, 12)) AS byok_fees,
        CAST(sum(byok_usage) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(coalesce(sum(cache_discount), 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'cancelled'), 0) AS DECIMAL(28, 12)) AS cancelled_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'failed'), 0) AS DECIMAL(28, 12)) AS failed_usage,
        CAST(coalesce(sum(native_tokens_prompt), 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(sum(native_tokens_completion), 0) AS BIGINT) AS tokens_completion,
        CAST(sum(native_tokens_cached) / nullif(sum(native_tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * sum(total_usage) FILTER (WHERE NOT is_response_cache_hit)
            / nullif(sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0))
                     FILTER (WHERE NOT is_response_cache_hit), 0) AS DOUBLE) AS blended_cost_per_million_tokens
    FROM facts
    GROUP BY provider_name
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_provider IS 'One row per provider: what it cost over all of history. Every settled generation is in exactly one row; sums over the rows are the total.';
COMMENT ON COLUMN main.cost_by_provider.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.cost_by_provider.request_count IS 'Generations. Unit: generations.';
COMMENT ON COLUMN main.cost_by_provider.first_day IS 'First day with a generation. Unit: UTC.';
COMMENT ON COLUMN main.cost_by_provider.last_day IS 'Last day with a generation. Unit: UTC.';
COMMENT ON COLUMN main.cost_by_provider.total_usage IS 'What they cost in all: openrouter_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.openrouter_usage IS 'Charged by OpenRouter: credits_usage + byok_fees. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.credits_usage IS 'Charged to credits for inference, without BYOK. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.byok_fees IS 'OpenRouter''s fees for BYOK. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.byok_usage IS 'Charged by providers to your own keys, estimated at market rates. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.cache_discount IS 'Saved by prompt caching, already taken off; negative where writing caches cost more. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.cancelled_usage IS 'The part of total_usage spent on cancelled generations. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.failed_usage IS 'The part of total_usage spent on failed generations. Unit: USD.';
COMMENT ON COLUMN main.cost_by_provider.tokens_prompt IS 'Prompt tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.cost_by_provider.tokens_completion IS 'Completion tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.cost_by_provider.cache_hit_rate IS 'Share of prompt tokens read from the provider''s cache; NULL without prompt tokens. Unit: 0 to 1.';
COMMENT ON COLUMN main.cost_by_provider.blended_cost_per_million_tokens IS 'total_usage per million prompt and completion tokens, response-cache hits left out; NULL without tokens. Unit: USD per million tokens.';
