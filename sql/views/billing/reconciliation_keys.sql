-- grain: one row per day (UTC) and label of an API key that OpenRouter or the warehouse knows
-- What Analytics says was used by each key against what was ingested. Which key made a generation is known where
-- orusage discover was told it; all others count in the row without a label.
CREATE OR REPLACE VIEW ops.reconciliation_keys AS
WITH analytics AS (
    SELECT
        usage_day AS requested_day,
        api_key_label,
        sum(credits_usage) AS usage,
        sum(byok_usage) AS byok_usage,
        sum(request_count) AS requests,
        max(fetched_at) AS fetched_at
    FROM ops.analytics_keys
    GROUP BY usage_day, api_key_label
),

told_days AS (
    SELECT requested_day, max(fetched_at) AS fetched_at
    FROM (
        SELECT requested_day, fetched_at FROM analytics
        UNION ALL
        SELECT usage_day, fetched_at FROM ops.analytics_days
        WHERE request_count = 0
    )
    GROUP BY requested_day
),

discoveries AS (
    SELECT DISTINCT source FROM ops.discoveries
),

facts AS (
    SELECT
        facts.requested_day,
        facts.api_key_label,
        facts.credits_usage,
        facts.byok_usage,
        discoveries.source IS NOT NULL AS is_unlogged
    FROM main.generation_facts AS facts
    LEFT JOIN discoveries
        ON discoveries.source = facts.source
    WHERE facts.requested_day IS NOT NULL
),

known AS (
    SELECT
        requested_day,
        api_key_label,
        sum(credits_usage) AS credits_usage,
        sum(byok_usage) AS byok_usage,
        count(*) AS request_count,
        count(*) FILTER (WHERE is_unlogged) AS unlogged_requests,
        sum(credits_usage) FILTER (WHERE is_unlogged) AS unlogged_usage
    FROM facts
    GROUP BY requested_day, api_key_label
),

grain AS (
    SELECT requested_day, api_key_label FROM analytics
    UNION
    SELECT requested_day, api_key_label FROM known
),

compared AS (
    SELECT
        grain.requested_day,
        grain.api_key_label,
        CASE WHEN analytics.requested_day IS NULL AND told_days.requested_day IS NOT NULL THEN 0 ELSE analytics.usage END AS billed_usage,
        coalesce(known.credits_usage, 0) AS credits_usage,
        CASE WHEN analytics.requested_day IS NULL AND told_days.requested_day IS NOT NULL THEN 0 ELSE analytics.byok_usage END AS billed_byok_usage,
        coalesce(known.byok_usage, 0) AS byok_usage,
        CASE WHEN analytics.requested_day IS NULL AND told_days.requested_day IS NOT NULL THEN 0 ELSE analytics.requests END AS billed_requests,
        coalesce(known.request_count, 0) AS request_count,
        coalesce(known.unlogged_requests, 0) AS unlogged_requests,
        coalesce(known.unlogged_usage, 0) AS unlogged_usage,
        told_days.fetched_at
    FROM grain
    LEFT JOIN analytics
        ON analytics.requested_day = grain.requested_day
        AND analytics.api_key_label IS NOT DISTINCT FROM grain.api_key_label
    LEFT JOIN known
        ON known.requested_day = grain.requested_day
        AND known.api_key_label IS NOT DISTINCT FROM grain.api_key_label
    LEFT JOIN told_days
        ON told_days.requested_day = grain.requested_day
),

final AS (
    SELECT
        requested_day,
        api_key_label,
        CAST(billed_usage AS DECIMAL(28, 12)) AS billed_usage,
        CAST(credits_usage AS DECIMAL(28, 12)) AS credits_usage,
        CAST(billed_usage - credits_usage AS DECIMAL(28, 12)) AS missing_usage,
        CAST(credits_usage / nullif(billed_usage, 0) AS DOUBLE) AS usage_coverage,
        CAST(billed_byok_usage AS DECIMAL(28, 12)) AS billed_byok_usage,
        CAST(byok_usage AS DECIMAL(28, 12)) AS byok_usage,
        CAST(billed_byok_usage - byok_usage AS DECIMAL(28, 12)) AS missing_byok_usage,
        CAST(billed_requests AS BIGINT) AS billed_requests,
        CAST(request_count AS BIGINT) AS request_count,
        CAST(billed_requests - request_count AS BIGINT) AS missing_requests,
        CAST(unlogged_requests AS BIGINT) AS unlogged_requests,
        CAST(unlogged_usage AS DECIMAL(28, 12)) AS unlogged_usage,
        fetched_at
    FROM compared
)

SELECT * FROM final;

COMMENT ON VIEW ops.reconciliation_keys IS 'One row per day (UTC) and label of an API key: what Analytics says was used against what was ingested. Keys of one label share a row; generations whose key is not known, because orusage discover was not run for their day, count in the row without a label.';
COMMENT ON COLUMN ops.reconciliation_keys.requested_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN ops.reconciliation_keys.api_key_label IS 'Label of the API keys; NULL where none is known.';
COMMENT ON COLUMN ops.reconciliation_keys.billed_usage IS 'Charged to credits, as Analytics says; NULL if it was not asked. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_keys.credits_usage IS 'Charged to credits, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_keys.missing_usage IS 'billed_usage - credits_usage; negative where more was ingested than billed, such as in the row without a label. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_keys.usage_coverage IS 'credits_usage / billed_usage; NULL if that is 0 or unknown. Unit: 0 to 1.';
COMMENT ON COLUMN ops.reconciliation_keys.billed_byok_usage IS 'BYOK inference, as Analytics estimates it. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_keys.byok_usage IS 'BYOK inference, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_keys.missing_byok_usage IS 'billed_byok_usage - byok_usage. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_keys.billed_requests IS 'Requests, as Analytics says. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation_keys.request_count IS 'Generations ingested. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation_keys.missing_requests IS 'billed_requests - request_count. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation_keys.unlogged_requests IS 'Part of request_count: generations that no log named, only OpenRouter itself (orusage discover). Unit: generations.';
COMMENT ON COLUMN ops.reconciliation_keys.unlogged_usage IS 'Part of credits_usage: what those were charged. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_keys.fetched_at IS 'When Analytics was asked; NULL if it was not. Unit: UTC.';
