-- Columns: sample counts of the latency and of the time to the first token, and the values of certain ranks among them,
-- over rows of main.generation_facts. latency_quantiles names them.
        CAST(count(latency_ms) AS BIGINT) AS latency_count,
        quantile_disc(latency_ms, [0.5, 0.9, 0.95, 0.99]) AS latency_ranks,
        CAST(count(ttft_ms) AS BIGINT) AS streamed_count,
        quantile_disc(ttft_ms, [0.5, 0.9, 0.95, 0.99]) AS ttft_ranks,
