-- Columns: the same of the duration, the throughput and the inter-token latency, for duration_quantiles. They end a select
-- list.
        CAST(count(duration_ms) AS BIGINT) AS duration_count,
        quantile_disc(duration_ms, [0.5, 0.9, 0.95, 0.99]) AS duration_ranks,
        CAST(count(tokens_per_second) AS BIGINT) AS throughput_count,
        quantile_disc(tokens_per_second, [0.5, 0.1, 0.05]) AS throughput_ranks,
        CAST(count(inter_token_ms) AS BIGINT) AS inter_token_count,
        quantile_disc(inter_token_ms, [0.5, 0.9, 0.95, 0.99]) AS inter_token_ranks
