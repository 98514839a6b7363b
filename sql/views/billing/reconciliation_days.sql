-- grain: one row per day (UTC) that OpenRouter or the warehouse knows
-- The totals of a day three times: as Activity adds up, as Analytics tells them without any dimension, and as ingested.
-- Activity once left out whole models, so the larger of OpenRouter's own totals is the one to explain.
CREATE OR REPLACE VIEW ops.reconciliation_days AS
WITH cells AS (
    SELECT * FROM ops.reconciliation
),

analytics AS (
    SELECT
        usage_day,
        sum(credits_usage) AS usage,
        sum(byok_usage) AS byok_usage,
        sum(request_count) AS requests,
        max(fetched_at) AS fetched_at
    FROM ops.analytics_days
    GROUP BY usage_day
),

told_days AS (
    SELECT activity_day AS requested_day FROM ops.activity_days
    UNION
    SELECT activity_day FROM ops.activity
),

known AS (
    SELECT
        requested_day,
        sum(billed_usage) AS activity_usage,
        sum(credits_usage) AS credits_usage,
        sum(billed_byok_usage) AS activity_byok_usage,
        sum(byok_usage) AS byok_usage,
        sum(billed_requests) AS activity_requests,
        sum(request_count) AS request_count,
        sum(midnight_usage) AS midnight_usage,
        sum(midnight_requests) AS midnight_requests,
        max(fetched_at) AS fetched_at
    FROM cells
    GROUP BY requested_day
),

days AS (
    SELECT requested_day FROM known
    UNION
    SELECT usage_day FROM analytics
    UNION
    SELECT requested_day FROM told_days
),

compared AS (
    SELECT
        days.requested_day,
        CASE WHEN told_days.requested_day IS NOT NULL THEN coalesce(known.activity_usage, 0) END AS activity_usage,
        analytics.usage AS analytics_usage,
        coalesce(known.credits_usage, 0) AS credits_usage,
        CASE WHEN told_days.requested_day IS NOT NULL THEN coalesce(known.activity_byok_usage, 0) END AS activity_byok_usage,
        analytics.byok_usage AS analytics_byok_usage,
        coalesce(known.byok_usage, 0) AS byok_usage,
        CASE WHEN told_days.requested_day IS NOT NULL THEN coalesce(known.activity_requests, 0) END AS activity_requests,
        analytics.requests AS analytics_requests,
        coalesce(known.request_count, 0) AS request_count,
        coalesce(known.midnight_usage, 0) AS midnight_usage,
        coalesce(known.midnight_requests, 0) AS midnight_requests,
        greatest(analytics.fetched_at, known.fetched_at) AS fetched_at
    FROM days
    LEFT JOIN known
        ON known.requested_day = days.requested_day
    LEFT JOIN analytics
        ON analytics.usage_day = days.requested_day
    LEFT JOIN told_days
        ON told_days.requested_day = days.requested_day
),

final AS (
    SELECT
        requested_day,
        CAST(activity_usage AS DECIMAL(28, 12)) AS activity_usage,
        CAST(analytics_usage AS DECIMAL(28, 12)) AS analytics_usage,
        CAST(greatest(activity_usage, analytics_usage) AS DECIMAL(28, 12)) AS billed_usage,
        CAST(credits_usage AS DECIMAL(28, 12)) AS credits_usage,
        CAST(greatest(activity_usage, analytics_usage) - credits_usage AS DECIMAL(28, 12)) AS missing_usage,
        CAST(credits_usage / nullif(greatest(activity_usage, analytics_usage), 0) AS DOUBLE) AS usage_coverage,
        CAST(analytics_usage - activity_usage AS DECIMAL(28, 12)) AS unlisted_usage,
        CAST(activity_byok_usage AS DECIMAL(28, 12)) AS activity_byok_usage,
        CAST(analytics_byok_usage AS DECIMAL(28, 12)) AS analytics_byok_usage,
        CAST(greatest(activity_byok_usage, analytics_byok_usage) AS DECIMAL(28, 12)) AS billed_byok_usage,
        CAST(byok_usage AS DECIMAL(28, 12)) AS byok_usage,
        CAST(greatest(activity_byok_usage, analytics_byok_usage) - byok_usage AS DECIMAL(28, 12)) AS missing_byok_usage,
        CAST(activity_requests AS BIGINT) AS activity_requests,
        CAST(analytics_requests AS BIGINT) AS analytics_requests,
        CAST(greatest(activity_requests, analytics_requests) AS BIGINT) AS billed_requests,
        CAST(request_count AS BIGINT) AS request_count,
        CAST(greatest(activity_requests, analytics_requests) - request_count AS BIGINT) AS missing_requests,
        CAST(midnight_usage AS DECIMAL(28, 12)) AS midnight_usage,
        CAST(midnight_requests AS BIGINT) AS midnight_requests,
        fetched_at
    FROM compared
)

SELECT * FROM final;

COMMENT ON VIEW ops.reconciliation_days IS 'One row per day (UTC): OpenRouter''s own totals, as Activity adds up and as Analytics tells them, against what was ingested. NULL where OpenRouter was not asked or did not answer.';
COMMENT ON COLUMN ops.reconciliation_days.requested_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN ops.reconciliation_days.activity_usage IS 'Charged to credits: the sum of Activity. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.analytics_usage IS 'Charged to credits: Analytics'' own total, asked without any dimension. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.billed_usage IS 'The larger of the two. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.credits_usage IS 'Charged to credits, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.missing_usage IS 'billed_usage - credits_usage; negative where more was ingested than billed. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.usage_coverage IS 'credits_usage / billed_usage; NULL if that is 0 or unknown. Unit: 0 to 1.';
COMMENT ON COLUMN ops.reconciliation_days.unlisted_usage IS 'analytics_usage - activity_usage: what Activity leaves out, such as a whole model. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.activity_byok_usage IS 'BYOK inference: the sum of Activity. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.analytics_byok_usage IS 'BYOK inference: Analytics'' own total. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.billed_byok_usage IS 'The larger of the two. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.byok_usage IS 'BYOK inference, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.missing_byok_usage IS 'billed_byok_usage - byok_usage. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.activity_requests IS 'Requests: the sum of Activity. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation_days.analytics_requests IS 'Requests: Analytics'' own total. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation_days.billed_requests IS 'The larger of the two. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation_days.request_count IS 'Generations ingested. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation_days.missing_requests IS 'billed_requests - request_count. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation_days.midnight_usage IS 'What credits_usage would gain or lose if each generation counted on the day of its created_at. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_days.midnight_requests IS 'What request_count would gain or lose in the same way. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation_days.fetched_at IS 'When OpenRouter was asked; NULL if it was not. Unit: UTC.';
