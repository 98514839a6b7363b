-- The demo's table of latencies, in ms: the ten providers with the most requests.
SELECT
    provider_name AS provider,
    request_count AS requests,
    p50_ttft_ms AS "ttft p50",
    p95_ttft_ms AS "ttft p95",
    p50_duration_ms AS "whole p50",
    p95_duration_ms AS "whole p95",
    p50_throughput AS "tokens/s"
FROM main.latency_by_provider
ORDER BY request_count DESC
LIMIT 10;
