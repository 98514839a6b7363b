-- Columns: sample counts and exact percentiles of the duration, the throughput and the inter-token latency, over rows of
-- main.generation_facts. They end a select list.
        CAST(count(duration_ms) AS BIGINT) AS duration_count,
        quantile_cont(duration_ms, 0.5) AS p50_duration_ms,
        quantile_cont(duration_ms, 0.9) AS p90_duration_ms,
        quantile_cont(duration_ms, 0.95) AS p95_duration_ms,
        quantile_cont(duration_ms, 0.99) AS p99_duration_ms,
        CAST(count(tokens_per_second) AS BIGINT) AS throughput_count,
        quantile_cont(tokens_per_second, 0.5) AS p50_throughput,
        quantile_cont(tokens_per_second, 0.9) AS p90_throughput,
        quantile_cont(tokens_per_second, 0.95) AS p95_throughput,
        quantile_cont(tokens_per_second, 0.99) AS p99_throughput,
        CAST(count(inter_token_ms) AS BIGINT) AS inter_token_count,
        quantile_cont(inter_token_ms, 0.5) AS p50_inter_token_latency,
        quantile_cont(inter_token_ms, 0.9) AS p90_inter_token_latency,
        quantile_cont(inter_token_ms, 0.95) AS p95_inter_token_latency,
        quantile_cont(inter_token_ms, 0.99) AS p99_inter_token_latency
