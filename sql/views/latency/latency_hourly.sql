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

measured AS (
    SELECT
        requested_hour,
        CAST(count(*) AS BIGINT) AS request_count,
        -- include: latency_samples
        -- include: duration_samples
    FROM keyed
    GROUP BY requested_hour
),

final AS (
    SELECT
        requested_hour,
        request_count,
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM measured
)

SELECT * FROM final;

COMMENT ON VIEW main.latency_hourly IS 'One row per hour (UTC) with a measured completion: how fast it was. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles are those of the nearest rank; the sample is named beside each.';
COMMENT ON COLUMN main.latency_hourly.requested_hour IS 'The hour''s begin. Unit: UTC.';
COMMENT ON COLUMN main.latency_hourly.request_count IS 'Generations measured. Unit: generations.';
-- include: latency_comments relation=main.latency_hourly
-- include: duration_comments relation=main.latency_hourly
