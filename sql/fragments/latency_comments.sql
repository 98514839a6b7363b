-- Comments on the columns of latency_quantiles.
COMMENT ON COLUMN {relation}.latency_count IS 'Sample behind the latency percentiles. Unit: generations.';
COMMENT ON COLUMN {relation}.p50_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 50. Unit: ms.';
COMMENT ON COLUMN {relation}.p90_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 90. Unit: ms.';
COMMENT ON COLUMN {relation}.p95_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 95; NULL below 20 samples. Unit: ms.';
COMMENT ON COLUMN {relation}.p99_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 99; NULL below 100 samples. Unit: ms.';
COMMENT ON COLUMN {relation}.streamed_count IS 'Sample behind the ttft_ms percentiles. Unit: generations.';
COMMENT ON COLUMN {relation}.p50_ttft_ms IS 'Time to the first token, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN {relation}.p90_ttft_ms IS 'Time to the first token, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN {relation}.p95_ttft_ms IS 'Time to the first token, streamed generations only; percentile 95; NULL below 20 samples. Unit: ms.';
COMMENT ON COLUMN {relation}.p99_ttft_ms IS 'Time to the first token, streamed generations only; percentile 99; NULL below 100 samples. Unit: ms.';
