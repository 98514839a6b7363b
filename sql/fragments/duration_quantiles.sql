-- Columns: the same of the duration, the throughput and the inter-token latency, over the columns of duration_samples. The
-- slow side of the throughput is its low one. They end a select list.
        duration_count,
        duration_ranks[1] AS p50_duration_ms,
        duration_ranks[2] AS p90_duration_ms,
        CASE WHEN duration_count >= 20 THEN duration_ranks[3] END AS p95_duration_ms,
        CASE WHEN duration_count >= 100 THEN duration_ranks[4] END AS p99_duration_ms,
        throughput_count,
        throughput_ranks[1] AS p50_throughput,
        throughput_ranks[2] AS p10_throughput,
        CASE WHEN throughput_count >= 20 THEN throughput_ranks[3] END AS p5_throughput,
        inter_token_count,
        inter_token_ranks[1] AS p50_inter_token_latency,
        inter_token_ranks[2] AS p90_inter_token_latency,
        CASE WHEN inter_token_count >= 20 THEN inter_token_ranks[3] END AS p95_inter_token_latency,
        CASE WHEN inter_token_count >= 100 THEN inter_token_ranks[4] END AS p99_inter_token_latency
