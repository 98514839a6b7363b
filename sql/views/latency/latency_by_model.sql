-- grain: one row per model with a measured completion
-- Cancelled and failed generations, response-cache hits and everything but completions are left out:
-- their durations say nothing of the speed that a user sees.
CREATE OR REPLACE VIEW main.latency_by_model AS
WITH facts AS (
    SELECT * FROM main.generation_facts
    WHERE coalesce(api_type, 'completions') = 'completions'
      AND status IN ('completed', 'truncated')
      AND NOT is_response_cache_hit
),

final AS (
    SELECT
        model,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(count(ttft_ms) AS BIGINT) AS streamed_count,
        quantile_cont(ttft_ms, 0.5) AS p50_ttft_ms,
        quantile_cont(ttft_ms, 0.9) AS p90_ttft_ms,
        quantile_cont(ttft_ms, 0.95) AS p95_ttft_ms,
        quantile_cont(ttft_ms, 0.99) AS p99_ttft_ms,
        CAST(count(duration_ms) AS BIGINT) AS duration_count,
        quantile_cont(duration_ms, 0.5) AS p50_duration_ms,
        quantile_cont(duration_ms, 0.9) AS p90_duration_ms,
        quantile_cont(duration_ms, 0.95) AS p95_duration_ms,
        quantile_cont(duration_ms, 0.99) AS p99_duration_ms,
        CAST(count(tokens_per_second) AS BIGINT) AS throughput_count,
        quantile_cont(tokens_per_second, 0.5) AS p50_throughput,
        quantile_cont(tokens_per_second, 0.9) AS p90_throughput,
        quantile_cont(tokens_per_second, 0.95) AS p95_throughput,
        quantile_cont(tokens_per_second, 0.99) AS p99_throughput
    FROM facts
    GROUP BY model
)

SELECT * FROM final;

COMMENT ON VIEW main.latency_by_model IS 'One row per model with a measured completion: how fast it was over all of history. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles are exact and interpolated; the sample is named beside each.';
COMMENT ON COLUMN main.latency_by_model.model IS 'Model that answered; NULL where the answer named none.';
COMMENT ON COLUMN main.latency_by_model.request_count IS 'Generations measured. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.streamed_count IS 'Sample behind the ttft percentiles: streamed generations. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_ttft_ms IS 'Time to the first token, percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p90_ttft_ms IS 'Time to the first token, percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p95_ttft_ms IS 'Time to the first token, percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p99_ttft_ms IS 'Time to the first token, percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.duration_count IS 'Sample behind the duration percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_duration_ms IS 'Time to the whole answer, percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p90_duration_ms IS 'Time to the whole answer, percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p95_duration_ms IS 'Time to the whole answer, percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p99_duration_ms IS 'Time to the whole answer, percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.throughput_count IS 'Sample behind the throughput percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_throughput IS 'Completion tokens per second of generation_time, percentile 50: the higher the faster. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_model.p90_throughput IS 'Completion tokens per second of generation_time, percentile 90: the higher the faster. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_model.p95_throughput IS 'Completion tokens per second of generation_time, percentile 95: the higher the faster. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_model.p99_throughput IS 'Completion tokens per second of generation_time, percentile 99: the higher the faster. Unit: tokens/s.';
