-- One row: cost, latency and reliability in a period, and the current state of the ledger.
-- include: period_shifts

-- include: period_facts condition=true

spent AS (
    SELECT
        min(requested_at) AS first_at,
        max(requested_at) AS last_at,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(coalesce(sum(total_usage), 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(sum(openrouter_usage), 0) AS DECIMAL(28, 12)) AS openrouter_usage,
        CAST(coalesce(sum(byok_fees), 0) AS DECIMAL(28, 12)) AS byok_fees,
        CAST(coalesce(sum(byok_usage), 0) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(count(*) FILTER (WHERE cost_basis IN ('unknown', 'byok_unknown')) AS BIGINT) AS unknown_cost_count,
        CAST(coalesce(sum(cache_discount), 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(count(*) FILTER (WHERE is_response_cache_hit) AS BIGINT) AS response_cache_hits,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'cancelled'), 0) AS DECIMAL(28, 12)) AS cancelled_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'failed'), 0) AS DECIMAL(28, 12)) AS failed_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'filtered'), 0) AS DECIMAL(28, 12)) AS filtered_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE status = 'truncated'), 0) AS DECIMAL(28, 12)) AS truncated_usage,
        CAST(coalesce(sum(native_tokens_prompt), 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(sum(native_tokens_completion), 0) AS BIGINT) AS tokens_completion,
        CAST(coalesce(sum(native_tokens_reasoning), 0) AS BIGINT) AS reasoning_tokens,
        CAST(coalesce(sum(native_tokens_cached), 0) AS BIGINT) AS cached_tokens,
        CAST(count(*) FILTER (WHERE attempts > 1) AS BIGINT) AS fallback_request_count,
        CAST(count(*) FILTER (WHERE attempts > 1) / nullif(count(*), 0) AS DOUBLE) AS fallback_request_rate
    FROM timed
),

measured AS (
    SELECT
        -- include: latency_samples
        -- include: duration_samples
    FROM timed
    WHERE is_measured
),

ranked AS (
    SELECT
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM measured
),

speed AS (
    SELECT
        p50_ttft_ms,
        p95_ttft_ms,
        p50_duration_ms,
        p95_duration_ms,
        p50_throughput
    FROM ranked
),

-- include: paid_answers

copied AS (
    SELECT CAST(coalesce(sum(paid_answers.copied_usage), 0) AS DECIMAL(28, 12)) AS response_cache_saved_usage
    FROM timed AS hits
    JOIN paid_answers USING (generation_id)
),

attempted AS (
    SELECT
        CAST(count(*) AS BIGINT) AS attempt_count,
        CAST(count(*) FILTER (WHERE status NOT BETWEEN 200 AND 299) / nullif(count(status), 0) AS DOUBLE) AS error_rate
    FROM main.provider_attempts
    -- include: without_doubles
    WHERE ((requested_at >= $since AND requested_at < $until) OR requested_at IS NULL)
      AND generation_id IN (SELECT generation_id FROM timed)
),

anomalies AS (
    SELECT CAST(count(*) AS BIGINT) AS anomaly_count
    FROM main.cost_anomalies
    WHERE $whole
       OR requested_day BETWEEN $first_day AND $last_day
),

expected AS (
    SELECT
        *,
        min(requested_day) OVER () AS newest
    FROM main.cost_forecast
    WHERE is_forecast
),

spent_daily AS (
    SELECT
        requested_day,
        sum(total_usage) AS total_usage
    FROM ops.cost_rollup
    WHERE
        -- include: believed_day
    GROUP BY requested_day
),

-- Of the month of the newest day: what was spent before that day, and how much more that day has cost than expected.
booked AS (
    SELECT
        coalesce(sum(spent_daily.total_usage) FILTER (WHERE spent_daily.requested_day < newest), 0) AS before,
        max(spent_daily.total_usage) FILTER (WHERE spent_daily.requested_day = newest) AS so_far,
        greatest(max(spent_daily.total_usage - expected.total_usage) FILTER (WHERE spent_daily.requested_day = newest), 0) AS more
    FROM spent_daily
    JOIN expected
        ON expected.requested_day = newest
        AND spent_daily.requested_day BETWEEN date_trunc('month', newest) AND newest
),

-- Its whole cost: that, and what is expected up to its last day.
forecast AS (
    SELECT
        strftime(newest, '%Y-%m') AS forecast_month,
        CAST(before + more + running_usage AS DECIMAL(28, 12)) AS forecast_usage,
        CAST(before + greatest(more + running_low_usage, so_far) AS DECIMAL(28, 12)) AS forecast_low_usage,
        CAST(before + more + running_high_usage AS DECIMAL(28, 12)) AS forecast_high_usage
    FROM expected
    CROSS JOIN booked
    WHERE requested_day = last_day(newest)
),

ledger AS (
    SELECT
        settled,
        pending,
        dead,
        newest_settled_at,
        oldest_pending_at
    FROM ops.freshness
)

SELECT *
FROM spent
CROSS JOIN speed
CROSS JOIN copied
CROSS JOIN attempted
CROSS JOIN anomalies
CROSS JOIN ledger
LEFT JOIN forecast ON true;
