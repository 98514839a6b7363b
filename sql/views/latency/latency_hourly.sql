-- grain: one row per hour (UTC) with a measured completion
-- How speed moves through the day. IDs without a second are left out, for their hour is not known.
CREATE OR REPLACE VIEW main.latency_hourly AS
WITH facts AS (
    SELECT * FROM main.generation_facts
    WHERE is_measured
),

keyed AS (
    SELECT
        *,
        date_trunc('hour', requested_at) AS requested_hour
    FROM facts
    WHERE requested_at IS NOT NULL
),

final AS (
    SELECT
        requested_hour,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(count(latency_ms) AS BIGINT) AS latency_count,
        quantile_cont(latency_ms, 0.5) AS p50_latency,
        quantile_cont(latency_ms, 0.9) AS p90_latency,
        quantile_cont(latency_ms, 0.95) AS p95_latency,
        quantile_cont(latency_ms, 0.99) AS p99_latency,
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
        quantile_cont(tokens_per_second, 0.99) AS p99_throughput,
        CAST(count(inter_token_ms) AS BIGINT) AS inter_token_count,
        quantile_cont(inter_token_ms, 0.5) AS p50_inter_token_latency,
        quantile_cont(inter_token_ms, 0.9) AS p90_inter_token_latency,
        quantile_cont(inter_token_ms, 0.95) AS p95_inter_token_latency,
        quantile_cont(inter_token_ms, 0.99) AS p99_inter_token_latency
    FROM keyed
    GROUP BY requested_hour
)

SELECT * FROM final;

COMMENT ON VIEW main.latency_hourly IS 'One row per hour (UTC) with a measured completion: how fast it was. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles are exact and interpolated; the sample is named beside each.';
COMMENT ON COLUMN main.latency_hourly.requested_hour IS 'The hour''s begin. Unit: UTC.';
COMMENT ON COLUMN main.latency_hourly.request_count IS 'Generations measured. Unit: generations.';
COMMENT ON COLUMN main.latency_hourly.latency_count IS 'Sample behind the latency percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_hourly.p50_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p90_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p95_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p99_latency IS 'Time to the first token if streamed, else to the whole answer: OpenRouter''s own latency; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.streamed_count IS 'Sample behind the ttft_ms percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_hourly.p50_ttft_ms IS 'Time to the first token, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p90_ttft_ms IS 'Time to the first token, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p95_ttft_ms IS 'Time to the first token, streamed generations only; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p99_ttft_ms IS 'Time to the first token, streamed generations only; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.duration_count IS 'Sample behind the duration_ms percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_hourly.p50_duration_ms IS 'Time to the whole answer; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p90_duration_ms IS 'Time to the whole answer; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p95_duration_ms IS 'Time to the whole answer; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p99_duration_ms IS 'Time to the whole answer; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.throughput_count IS 'Sample behind the throughput percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_hourly.p50_throughput IS 'native_tokens_completion / generation_time; percentile 50. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_hourly.p90_throughput IS 'native_tokens_completion / generation_time; percentile 90. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_hourly.p95_throughput IS 'native_tokens_completion / generation_time; percentile 95. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_hourly.p99_throughput IS 'native_tokens_completion / generation_time; percentile 99. Unit: tokens/s.';
COMMENT ON COLUMN main.latency_hourly.inter_token_count IS 'Sample behind the inter_token_latency percentiles. Unit: generations.';
COMMENT ON COLUMN main.latency_hourly.p50_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p90_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p95_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.latency_hourly.p99_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 99. Unit: ms.';
