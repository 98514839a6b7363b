-- grain: one row per day (UTC) and provider that was asked
-- Counts attempts inside generations: a provider that failed and was replaced is seen here only.
CREATE OR REPLACE VIEW main.error_rates AS
WITH attempts AS (
    SELECT * FROM main.provider_attempts
    -- include: without_doubles
),

counted AS (
    SELECT
        CAST(requested_at AS DATE) AS requested_day,
        provider_name,
        -- include: attempt_counts
    FROM attempts
    GROUP BY CAST(requested_at AS DATE), provider_name
),

final AS (
    SELECT
        *,
        CAST((throttled_count + overloaded_count + server_error_count + other_error_count)
            / nullif(attempt_count - unknown_count, 0) AS DOUBLE) AS error_rate,
        CAST(fallback_count / attempt_count AS DOUBLE) AS fallback_rate
    FROM counted
)

SELECT * FROM final;

COMMENT ON VIEW main.error_rates IS 'One row per day (UTC) and provider that was asked: how its attempts ended. Attempts, not generations.';
COMMENT ON COLUMN main.error_rates.requested_day IS 'Day of the request; NULL for IDs without a second. Unit: UTC.';
COMMENT ON COLUMN main.error_rates.provider_name IS 'Provider that was asked; NULL where the answer named none.';
COMMENT ON COLUMN main.error_rates.attempt_count IS 'Times it was asked, fallbacks included. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.success_count IS 'Attempts answered 2xx. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.throttled_count IS 'Attempts answered 429. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.overloaded_count IS 'Attempts answered 503 or 529. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.server_error_count IS 'Attempts answered another 5xx. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.other_error_count IS 'Attempts answered anything else. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.unknown_count IS 'Attempts without a status. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.fallback_count IS 'Attempts made after another one for the same generation, mostly at another provider. Unit: attempts.';
COMMENT ON COLUMN main.error_rates.error_rate IS 'Errors among the attempts with a status; NULL if none had one. Unit: 0 to 1.';
COMMENT ON COLUMN main.error_rates.fallback_rate IS 'fallback_count / attempt_count. Unit: 0 to 1.';
