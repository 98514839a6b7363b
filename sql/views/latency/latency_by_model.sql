-- grain: one row per model with a measured completion
-- Cancelled and failed generations, response-cache hits and everything but completions are left out:
-- their durations say nothing of the speed that a user sees. A percentile is the middle of the step of the histogram
-- in which the sample of that rank lies.
CREATE OR REPLACE VIEW main.latency_by_model AS
WITH cells AS (
    SELECT * FROM ops.latency_rollup
),

steps AS (
    SELECT
        model,
        metric,
        bucket,
        CAST(sum(sample_count) AS BIGINT) AS samples
    FROM cells
    GROUP BY model, metric, bucket
),

ranked AS (
    SELECT
        *,
        sum(samples) OVER (PARTITION BY model, metric ORDER BY bucket) AS up_to,
        sum(samples) OVER (PARTITION BY model, metric) AS total
    FROM steps
),

final AS (
    SELECT
        model,
        CAST(coalesce(max(total) FILTER (WHERE metric = 'request'), 0) AS BIGINT) AS request_count,
        CAST(coalesce(max(total) FILTER (WHERE metric = 'latency'), 0) AS BIGINT) AS latency_count,
        exp((min(bucket) FILTER (WHERE metric = 'latency' AND up_to >= 0.5 * total) + 0.5) * ln(1.02)) AS p50_latency,
        exp((min(bucket) FILTER (WHERE metric = 'latency' AND up_to >= 0.9 * total) + 0.5) * ln(1.02)) AS p90_latency,
        exp((min(bucket) FILTER (WHERE metric = 'latency' AND up_to >= 0.95 * total) + 0.5) * ln(1.02)) AS p95_latency,
        exp((min(bucket) FILTER (WHERE metric = 'latency' AND up_to >= 0.99 * total) + 0.5) * ln(1.02)) AS p99_latency,
        CAST(coalesce(max(total) FILTER (WHERE metric = 'ttft'), 0) AS BIGINT) AS streamed_count,
        exp((min(bucket) FILTER (WHERE metric = 'ttft' AND up_to >= 0.5 * total) + 0.5) * ln(1.02)) AS p50_ttft_ms,
        exp((min(bucket) FILTER (WHERE metric = 'ttft' AND up_to >= 0.9 * total) + 0.5) * ln(1.02)) AS p90_ttft_ms,
        exp((min(bucket) FILTER (WHERE metric = 'ttft' AND up_to >= 0.95 * total) + 0.5) * ln(1.02)) AS p95_ttft_ms,
        exp((min(bucket) FILTER (WHERE metric = 'ttft' AND up_to >= 0.99 * total) + 0.5) * ln(1.02)) AS p99_ttft_ms,
        CAST(coalesce(max(total) FILTER (WHERE metric = 'duration'), 0) AS BIGINT) AS duration_count,
        exp((min(bucket) FILTER (WHERE metric = 'duration' AND up_to >= 0.5 * total) + 0.5) * ln(1.02)) AS p50_duration_ms,
        exp((min(bucket) FILTER (WHERE metric = 'duration' AND up_to >= 0.9 * total) + 0.5) * ln(1.02)) AS p90_duration_ms,
        exp((min(bucket) FILTER (WHERE metric = 'duration' AND up_to >= 0.95 * total) + 0.5) * ln(1.02)) AS p95_duration_ms,
        exp((min(bucket) FILTER (WHERE metric = 'duration' AND up_to >= 0.99 * total) + 0.5) * ln(1.02)) AS p99_duration_ms,
        CAST(coalesce(max(total) FILTER (WHERE metric = 'throughput'), 0) AS BIGINT) AS throughput_count,
        exp((min(bucket) FILTER (WHERE metric = 'throughput' AND up_to >= 0.5 * total) + 0.5) * ln(1.02)) AS p50_throughput,
        exp((min(bucket) FILTER (WHERE metric = 'throughput' AND up_to >= 0.9 * total) + 0.5) * ln(1.02)) AS p90_throughput,
        exp((min(bucket) FILTER (WHERE metric = 'throughput' AND up_to >= 0.95 * total) + 0.5) * ln(1.02)) AS p95_throughput,
        exp((min(bucket) FILTER (WHERE metric = 'throughput' AND up_to >= 0.99 * total) + 0.5) * ln(1.02)) AS p99_throughput,
        CAST(coalesce(max(total) FILTER (WHERE metric = 'inter_token'), 0) AS BIGINT) AS inter_token_count,
        exp((min(bucket) FILTER (WHERE metric = 'inter_token' AND up_to >= 0.5 * total) + 0.5) * ln(1.02)) AS p50_inter_token_latency,
        exp((min(bucket) FILTER (WHERE metric = 'inter_token' AND up_to >= 0.9 * total) + 0.5) * ln(1.02)) AS p90_inter_token_latency,
        exp((min(bucket) FILTER (WHERE metric = 'inter_token' AND up_to >= 0.95 * total) + 0.5) * ln(1.02)) AS p95_inter_token_latency,
        exp((min(bucket) FILTER (WHERE metric = 'inter_token' AND up_to >= 0.99 * total) + 0.5) * ln(1.02)) AS p99_inter_token_latency
    FROM ranked
    GROUP BY model
)

SELECT * FROM final;

COMMENT ON VIEW main.latency_by_model IS 'One row per model with a measured completion: how fast it was over all of history. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles come from a histogram with 2 % wide steps, as of the last publish: within 1 % of the exact sample; the sample is named beside each.';
COMMENT ON COLUMN main.latency_by_model.model IS 'Model that answered; NULL where the answer named none.';
COMMENT ON COLUMN main.latency_by_model.request_count IS 'Generations measured. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.latency_count IS 'Sample behind the latency percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p90_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p95_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p99_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.streamed_count IS 'Sample behind the ttft_ms percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_ttft_ms IS 'Time to the first token, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p90_ttft_ms IS 'Time to the first token, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p95_ttft_ms IS 'Time to the first token, streamed generations only; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p99_ttft_ms IS 'Time to the first token, streamed generations only; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.duration_count IS 'Sample behind the duration_ms percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_duration_ms IS 'Time to the whole answer; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p90_duration_ms IS 'Time to the whole answer; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p95_duration_ms IS 'Time to the whole answer; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p99_duration_ms IS 'Time to the whole answer; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.throughput_count IS 'Sample behind the throughput percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_throughput IS 'native_tokens_completion / generation_time; percentile 50. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_model.p90_throughput IS 'native_tokens_completion / generation_time; percentile 90. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_model.p95_throughput IS 'native_tokens_completion / generation_time; percentile 95. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_model.p99_throughput IS 'native_tokens_completion / generation_time; percentile 99. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_model.inter_token_count IS 'Sample behind the inter_token_latency percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_model.p50_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p90_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p95_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_model.p99_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 99. Unit: ms.';
