-- The demo's table of costs, in USD: the ten models that cost most.
SELECT
    model,
    request_count AS requests,
    total_usage AS "USD",
    byok_usage AS "BYOK",
    cache_discount AS "saved",
    blended_cost_per_million_tokens AS "per 1M tokens"
FROM main.cost_by_model
ORDER BY total_usage DESC
LIMIT 10;
