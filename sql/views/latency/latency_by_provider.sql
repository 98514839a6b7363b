-- grain: one row per provider with a measured completion
-- Cancelled and failed generations, response-cache hits and everything but completions are left out:
-- their durations say nothing of the speed that a user sees. A percentile is the middle of the step of the histogram
-- in which the sample of that rank lies.
CREATE OR REPLACE VIEW main.latency_by_provider AS
WITH cells AS (
    SELECT * FROM ops.latency_rollup
    WHERE dimension = 'provider'
),

steps AS (
    SELECT
        name AS provider_name,
        bucket,
        CAST(sum(request_count) AS BIGINT) AS request_count,
        CAST(sum(latency_samples) AS BIGINT) AS latency_samples,
        CAST(sum(ttft_samples) AS BIGINT) AS ttft_samples,
        CAST(sum(duration_samples) AS BIGINT) AS duration_samples,
        CAST(sum(throughput_samples) AS BIGINT) AS throughput_samples,
        CAST(sum(inter_token_samples) AS BIGINT) AS inter_token_samples
    FROM cells
    GROUP BY name, bucket
),

ranked AS (
    SELECT
        *,
        CAST(sum(latency_samples) OVER up_to AS BIGINT) AS latency_up_to,
        CAST(nullif(sum(latency_samples) OVER whole, 0) AS BIGINT) AS latency_total,
        CAST(sum(ttft_samples) OVER up_to AS BIGINT) AS ttft_up_to,
        CAST(nullif(sum(ttft_samples) OVER whole, 0) AS BIGINT) AS ttft_total,
        CAST(sum(duration_samples) OVER up_to AS BIGINT) AS duration_up_to,
        CAST(nullif(sum(duration_samples) OVER whole, 0) AS BIGINT) AS duration_total,
        CAST(sum(throughput_samples) OVER up_to AS BIGINT) AS throughput_up_to,
        CAST(nullif(sum(throughput_samples) OVER whole, 0) AS BIGINT) AS throughput_total,
        CAST(sum(inter_token_samples) OVER up_to AS BIGINT) AS inter_token_up_to,
        CAST(nullif(sum(inter_token_samples) OVER whole, 0) AS BIGINT) AS inter_token_total
    FROM steps
    WINDOW up_to AS (PARTITION BY provider_name ORDER BY bucket), whole AS (PARTITION BY provider_name)
),

final AS (
    SELECT
        provider_name,
        CAST(sum(request_count) AS BIGINT) AS request_count,
        CAST(sum(latency_samples) AS BIGINT) AS latency_count,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 50 * latency_total) + 0.5) * ln(1.02)) AS p50_latency,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 90 * latency_total) + 0.5) * ln(1.02)) AS p90_latency,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 95 * latency_total) + 0.5) * ln(1.02)) AS p95_latency,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 99 * latency_total) + 0.5) * ln(1.02)) AS p99_latency,
        CAST(sum(ttft_samples) AS BIGINT) AS streamed_count,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 50 * ttft_total) + 0.5) * ln(1.02)) AS p50_ttft_ms,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 90 * ttft_total) + 0.5) * ln(1.02)) AS p90_ttft_ms,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 95 * ttft_total) + 0.5) * ln(1.02)) AS p95_ttft_ms,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 99 * ttft_total) + 0.5) * ln(1.02)) AS p99_ttft_ms,
        CAST(sum(duration_samples) AS BIGINT) AS duration_count,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 50 * duration_total) + 0.5) * ln(1.02)) AS p50_duration_ms,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 90 * duration_total) + 0.5) * ln(1.02)) AS p90_duration_ms,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 95 * duration_total) + 0.5) * ln(1.02)) AS p95_duration_ms,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 99 * duration_total) + 0.5) * ln(1.02)) AS p99_duration_ms,
        CAST(sum(throughput_samples) AS BIGINT) AS throughput_count,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 50 * throughput_total) + 0.5) * ln(1.02)) AS p50_throughput,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 90 * throughput_total) + 0.5) * ln(1.02)) AS p90_throughput,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 95 * throughput_total) + 0.5) * ln(1.02)) AS p95_throughput,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 99 * throughput_total) + 0.5) * ln(1.02)) AS p99_throughput,
        CAST(sum(inter_token_samples) AS BIGINT) AS inter_token_count,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 50 * inter_token_total) + 0.5) * ln(1.02)) AS p50_inter_token_latency,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 90 * inter_token_total) + 0.5) * ln(1.02)) AS p90_inter_token_latency,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 95 * inter_token_total) + 0.5) * ln(1.02)) AS p95_inter_token_latency,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 99 * inter_token_total) + 0.5) * ln(1.02)) AS p99_inter_token_latency
    FROM ranked
    GROUP BY provider_name
)

SELECT * FROM final;

COMMENT ON VIEW main.latency_by_provider IS 'One row per provider with a measured completion: how fast it was over all of history. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles come from a histogram with 2 % wide steps, as of the last publish: within 1 % of the exact sample; the sample is named beside each.';
COMMENT ON COLUMN main.latency_by_provider.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.latency_by_provider.request_count IS 'Generations measured. Unit: generations.';
COMMENT ON COLUMN main.latency_by_provider.latency_count IS 'Sample behind the latency percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_provider.p50_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p90_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p95_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p99_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.streamed_count IS 'Sample behind the ttft_ms percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_provider.p50_ttft_ms IS 'Time to the first token, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p90_ttft_ms IS 'Time to the first token, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p95_ttft_ms IS 'Time to the first token, streamed generations only; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p99_ttft_ms IS 'Time to the first token, streamed generations only; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.duration_count IS 'Sample behind the duration_ms percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_provider.p50_duration_ms IS 'Time to the whole answer; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p90_duration_ms IS 'Time to the whole answer; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p95_duration_ms IS 'Time to the whole answer; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p99_duration_ms IS 'Time to the whole answer; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.throughput_count IS 'Sample behind the throughput percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_provider.p50_throughput IS 'native_tokens_completion / generation_time; percentile 50. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_provider.p90_throughput IS 'native_tokens_completion / generation_time; percentile 90. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_provider.p95_throughput IS 'native_tokens_completion / generation_time; percentile 95. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_provider.p99_throughput IS 'native_tokens_completion / generation_time; percentile 99. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_by_provider.inter_token_count IS 'Sample behind the inter_token_latency percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_by_provider.p50_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p90_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p95_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_by_provider.p99_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 99. Unit: ms.';
