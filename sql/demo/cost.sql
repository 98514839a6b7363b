-- The demo's table of costs: the ten models that cost most.
SELECT
    model,
    request_count AS requests,
    total_usage AS "total USD",
    byok_usage AS "of it BYOK",
    cache_discount AS "saved by caching",
    blended_cost_per_million_tokens AS "USD per 1M tokens"
FROM main.cost_by_model
ORDER BY total_usage DESC
LIMIT 10;
