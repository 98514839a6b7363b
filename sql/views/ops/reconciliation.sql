-- grain: one row per day (UTC) and model that OpenRouter or the warehouse knows
-- What OpenRouter says was used against what was ingested. A share below 1 means that some IDs never stood in a log.
-- OpenRouter tells the last 30 completed days only; a day it did not tell has no billed_usage.
CREATE OR REPLACE VIEW ops.reconciliation AS
WITH activity AS (
    SELECT * FROM ops.activity
),

cells AS (
    SELECT * FROM ops.cost_rollup
),

billed AS (
    SELECT
        activity_day AS requested_day,
        model,
        sum(usage) AS billed_usage,
        sum(byok_usage_inference) AS billed_byok_usage,
        sum(requests) AS billed_requests,
        max(fetched_at) AS fetched_at
    FROM activity
    GROUP BY activity_day, model
),

known AS (
    SELECT
        requested_day,
        model,
        sum(credits_usage) AS credits_usage,
        sum(byok_usage) AS byok_usage,
        sum(request_count) AS request_count
    FROM cells
    WHERE requested_day IS NOT NULL
    GROUP BY requested_day, model
),

final AS (
    SELECT
        coalesce(billed.requested_day, known.requested_day) AS requested_day,
        coalesce(billed.model, known.model) AS model,
        CAST(billed.billed_usage AS DECIMAL(28, 12)) AS billed_usage,
        CAST(coalesce(known.credits_usage, 0) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(billed.billed_usage - coalesce(known.credits_usage, 0) AS DECIMAL(28, 12)) AS missing_usage,
        CAST(coalesce(known.credits_usage, 0) / nullif(billed.billed_usage, 0) AS DOUBLE) AS usage_coverage,
        CAST(billed.billed_byok_usage AS DECIMAL(28, 12)) AS billed_byok_usage,
        CAST(coalesce(known.byok_usage, 0) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(billed.billed_requests AS BIGINT) AS billed_requests,
        CAST(coalesce(known.request_count, 0) AS BIGINT) AS request_count,
        billed.fetched_at
    FROM billed
    FULL JOIN known
        ON known.requested_day = billed.requested_day
        AND known.model IS NOT DISTINCT FROM billed.model
)

SELECT * FROM final;

COMMENT ON VIEW ops.reconciliation IS 'One row per day (UTC) and model: what OpenRouter says was used (ops.activity) against what was ingested. billed_usage is NULL for what it did not tell.';
COMMENT ON COLUMN ops.reconciliation.requested_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN ops.reconciliation.model IS 'Model.';
COMMENT ON COLUMN ops.reconciliation.billed_usage IS 'Charged, as OpenRouter says; NULL if it was not asked or told nothing. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.credits_usage IS 'Charged, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.missing_usage IS 'billed_usage - credits_usage: what no log knew of; NULL if OpenRouter told nothing. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.usage_coverage IS 'credits_usage / billed_usage; NULL if that is 0 or unknown. Unit: 0 to 1.';
COMMENT ON COLUMN ops.reconciliation.billed_byok_usage IS 'BYOK inference, as OpenRouter estimates it. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.byok_usage IS 'BYOK inference, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.billed_requests IS 'Requests, as OpenRouter says. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation.request_count IS 'Generations ingested. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation.fetched_at IS 'When OpenRouter was asked. Unit: UTC.';
