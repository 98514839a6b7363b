-- grain: one row per provider that was ever asked
-- Counts tries inside generations, so a provider that failed and was replaced by a fallback is seen here only.
CREATE OR REPLACE VIEW main.provider_reliability AS
WITH facts AS (
    SELECT * FROM main.provider_attempts
    -- include: without_doubles
),

final AS (
    SELECT
        provider_name,
        CAST(count(*) AS BIGINT) AS attempt_count,
        CAST(count(*) FILTER (WHERE status BETWEEN 200 AND 299) AS BIGINT) AS success_count,
        CAST(count(*) FILTER (WHERE status = 429) AS BIGINT) AS throttled_count,
        CAST(count(*) FILTER (WHERE status >= 500) AS BIGINT) AS server_error_count,
        CAST(count(*) FILTER (WHERE status < 200 OR status BETWEEN 300 AND 428 OR status BETWEEN 430 AND 499) AS BIGINT) AS other_error_count,
        CAST(count(*) FILTER (WHERE status IS NULL) AS BIGINT) AS unknown_count,
        CAST(count(*) FILTER (WHERE attempt > 1) AS BIGINT) AS fallback_count,
        CAST(count(*) FILTER (WHERE status BETWEEN 200 AND 299) / nullif(count(status), 0) AS DOUBLE) AS success_rate,
        quantile_disc(latency, 0.5) FILTER (WHERE status NOT BETWEEN 200 AND 299) AS p50_failed_latency_ms
    FROM facts
    GROUP BY provider_name
)

SELECT * FROM final;

COMMENT ON VIEW main.provider_reliability IS 'One row per provider that was ever asked: how often it answered. Counts attempts inside generations, not generations.';
COMMENT ON COLUMN main.provider_reliability.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.provider_reliability.attempt_count IS 'Times it was asked, fallbacks included. Unit: attempts.';
COMMENT ON COLUMN main.provider_reliability.success_count IS 'Attempts answered 2xx. Unit: attempts.';
COMMENT ON COLUMN main.provider_reliability.throttled_count IS 'Attempts answered 429. Unit: attempts.';
COMMENT ON COLUMN main.provider_reliability.server_error_count IS 'Attempts answered 5xx. Unit: attempts.';
COMMENT ON COLUMN main.provider_reliability.other_error_count IS 'Attempts answered anything else. Unit: attempts.';
COMMENT ON COLUMN main.provider_reliability.unknown_count IS 'Attempts without a status. Unit: attempts.';
COMMENT ON COLUMN main.provider_reliability.fallback_count IS 'Attempts made after another had failed. Unit: attempts.';
COMMENT ON COLUMN main.provider_reliability.success_rate IS 'Successes among the attempts with a status, so that it and the error_rate of error_rates are 1 together; NULL if none had one. Unit: 0 to 1.';
COMMENT ON COLUMN main.provider_reliability.p50_failed_latency_ms IS 'Time lost in an attempt answered anything but 2xx; percentile 50; NULL if none told a time. Unit: ms.';
