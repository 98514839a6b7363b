-- Comments on the columns of duration_quantiles.
COMMENT ON COLUMN {relation}.duration_count IS 'Sample behind the duration_ms percentiles. Unit: generations.';
COMMENT ON COLUMN {relation}.p50_duration_ms IS 'Time to the whole answer; percentile 50. Unit: ms.';
COMMENT ON COLUMN {relation}.p90_duration_ms IS 'Time to the whole answer; percentile 90. Unit: ms.';
COMMENT ON COLUMN {relation}.p95_duration_ms IS 'Time to the whole answer; percentile 95; NULL below 20 samples. Unit: ms.';
COMMENT ON COLUMN {relation}.p99_duration_ms IS 'Time to the whole answer; percentile 99; NULL below 100 samples. Unit: ms.';
COMMENT ON COLUMN {relation}.throughput_count IS 'Sample behind the throughput percentiles. Unit: generations.';
COMMENT ON COLUMN {relation}.p50_throughput IS 'native_tokens_completion / generation_time; percentile 50. Unit: tokens/s.';
COMMENT ON COLUMN {relation}.p10_throughput IS 'native_tokens_completion / generation_time; percentile 10, which 90 % exceed or equal. Unit: tokens/s.';
COMMENT ON COLUMN {relation}.p5_throughput IS 'native_tokens_completion / generation_time; percentile 5, which 95 % exceed or equal; NULL below 20 samples. Unit: tokens/s.';
COMMENT ON COLUMN {relation}.inter_token_count IS 'Sample behind the inter_token_latency percentiles. Unit: generations.';
COMMENT ON COLUMN {relation}.p50_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN {relation}.p90_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN {relation}.p95_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 95; NULL below 20 samples. Unit: ms.';
COMMENT ON COLUMN {relation}.p99_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 99; NULL below 100 samples. Unit: ms.';
