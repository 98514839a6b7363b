-- Columns: sample counts and exact percentiles of the latency and of the time to the first token, over rows of
-- main.generation_facts.
        CAST(count(latency_ms) AS BIGINT) AS latency_count,
        quantile_cont(latency_ms, 0.5) AS p50_latency,
        quantile_cont(latency_ms, 0.9) AS p90_latency,
        quantile_cont(latency_ms, 0.95) AS p95_latency,
        quantile_cont(latency_ms, 0.99) AS p99_latency,
        CAST(count(ttft_ms) AS BIGINT) AS streamed_count,
        quantile_cont(ttft_ms, 0.5) AS p50_ttft_ms,
        quantile_cont(ttft_ms, 0.9) AS p90_ttft_ms,
        quantile_cont(ttft_ms, 0.95) AS p95_ttft_ms,
        quantile_cont(ttft_ms, 0.99) AS p99_ttft_ms,
