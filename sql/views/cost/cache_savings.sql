-- grain: one row per model and provider that reported cached tokens or a discount
-- What prompt caching saved, and what writing the caches cost: what is saved here is taken off usage already.
CREATE OR REPLACE VIEW main.cache_savings AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        model,
        provider_name,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(count(*) FILTER (WHERE native_tokens_cached > 0) AS BIGINT) AS cached_request_count,
        CAST(coalesce(sum(native_tokens_prompt), 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(sum(native_tokens_cached), 0) AS BIGINT) AS cached_tokens,
        CAST(least(coalesce(sum(native_tokens_cached), 0), sum(native_tokens_prompt)) / nullif(sum(native_tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(coalesce(sum(cache_discount) FILTER (WHERE cache_discount > 0), 0) AS DECIMAL(28, 12)) AS saved_usage,
        CAST(coalesce(-sum(cache_discount) FILTER (WHERE cache_discount < 0), 0) AS DECIMAL(28, 12)) AS cache_write_usage,
        CAST(coalesce(sum(cache_discount), 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(sum(total_usage) + coalesce(sum(cache_discount), 0) AS DECIMAL(28, 12)) AS usage_without_cache
    FROM facts
    GROUP BY model, provider_name
    HAVING count(*) FILTER (WHERE native_tokens_cached > 0 OR cache_discount <> 0) > 0
)

SELECT * FROM final;

COMMENT ON VIEW main.cache_savings IS 'One row per model and provider that reported cached tokens or a discount: what prompt caching saved. Response-cache hits are in response_cache_savings.';
COMMENT ON COLUMN main.cache_savings.model IS 'Model that answered.';
COMMENT ON COLUMN main.cache_savings.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.cache_savings.request_count IS 'All its generations, cached or not. Unit: generations.';
COMMENT ON COLUMN main.cache_savings.cached_request_count IS 'Generations that read from the cache. Unit: generations.';
COMMENT ON COLUMN main.cache_savings.tokens_prompt IS 'Prompt tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.cache_savings.cached_tokens IS 'Prompt tokens read from the cache. Unit: tokens.';
COMMENT ON COLUMN main.cache_savings.cache_hit_rate IS 'cached_tokens / tokens_prompt, 1 at most: some providers report more cached than prompt tokens; NULL without prompt tokens. Unit: 0 to 1.';
COMMENT ON COLUMN main.cache_savings.saved_usage IS 'Sum of the positive discounts. Unit: USD.';
COMMENT ON COLUMN main.cache_savings.cache_write_usage IS 'What writing caches cost more: sum of the negative discounts, as a positive amount. Unit: USD.';
COMMENT ON COLUMN main.cache_savings.cache_discount IS 'Saved in all: saved_usage - cache_write_usage; already taken off total_usage. Unit: USD.';
COMMENT ON COLUMN main.cache_savings.total_usage IS 'What they cost in all. Unit: USD.';
COMMENT ON COLUMN main.cache_savings.usage_without_cache IS 'What they would have cost without caching: total_usage + cache_discount. Unit: USD.';
