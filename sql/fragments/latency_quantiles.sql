-- Columns: sample counts and percentiles of the latency and of the time to the first token, over the columns of
-- latency_samples. A percentile is the sample of the nearest rank, the ceil(q * n)th of n. A sample with less than one
-- value beyond it tells none: p95 is NULL below 20 values, p99 below 100.
        latency_count,
        latency_ranks[1] AS p50_latency,
        latency_ranks[2] AS p90_latency,
        CASE WHEN latency_count >= 20 THEN latency_ranks[3] END AS p95_latency,
        CASE WHEN latency_count >= 100 THEN latency_ranks[4] END AS p99_latency,
        streamed_count,
        ttft_ranks[1] AS p50_ttft_ms,
        ttft_ranks[2] AS p90_ttft_ms,
        CASE WHEN streamed_count >= 20 THEN ttft_ranks[3] END AS p95_ttft_ms,
        CASE WHEN streamed_count >= 100 THEN ttft_ranks[4] END AS p99_ttft_ms,
