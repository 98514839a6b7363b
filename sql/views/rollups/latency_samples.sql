-- grain: one row per measured generation and metric
-- What the histogram ops.latency_rollup counts. A step is 2 % wide: from 1.02^bucket to 1.02^(bucket + 1) ms or
-- tokens/s, so its middle is within 1 % of whatever lies in it.
CREATE OR REPLACE VIEW ops.latency_samples AS
WITH facts AS (
    SELECT * FROM main.generation_facts
    WHERE is_measured
),

samples AS (
    SELECT
        generation_id,
        requested_day,
        model,
        provider_name,
        unnest(['request', 'latency', 'ttft', 'duration', 'throughput', 'inter_token']) AS metric,
        unnest([1.0, latency_ms, ttft_ms, duration_ms, tokens_per_second, inter_token_ms]) AS measured
    FROM facts
),

final AS (
    SELECT
        generation_id,
        requested_day,
        model,
        provider_name,
        metric,
        measured,
        CAST(floor(ln(measured) / ln(1.02)) AS BIGINT) AS bucket
    FROM samples
    WHERE measured > 0 AND isfinite(measured)
)

SELECT * FROM final;

COMMENT ON VIEW ops.latency_samples IS 'One row per measured generation and metric: what the histogram ops.latency_rollup counts at each publish.';
COMMENT ON COLUMN ops.latency_samples.generation_id IS 'The ID.';
COMMENT ON COLUMN ops.latency_samples.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN ops.latency_samples.model IS 'Model that answered.';
COMMENT ON COLUMN ops.latency_samples.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN ops.latency_samples.metric IS 'latency, ttft, duration or inter_token, in ms; throughput, in tokens/s; or request, which only counts.';
COMMENT ON COLUMN ops.latency_samples.measured IS 'What was measured; 1 for request. Unit: ms or tokens/s, by metric.';
COMMENT ON COLUMN ops.latency_samples.bucket IS 'Its step: from 1.02^bucket to 1.02^(bucket + 1). Unit: ms or tokens/s, by metric.';
