-- grain: one row per account and snapshot of its credits that has one before
-- By how much the account's own counter rose between two snapshots, against what was ingested of the time between them.
CREATE OR REPLACE VIEW ops.reconciliation_credits AS
WITH snapshots AS (
    SELECT
        account,
        lag(fetched_at) OVER (PARTITION BY account ORDER BY fetched_at) AS since,
        fetched_at AS until,
        total_usage - lag(total_usage) OVER (PARTITION BY account ORDER BY fetched_at) AS billed_usage,
        total_credits - total_usage AS balance
    FROM ops.credits
),

spans AS (
    SELECT * FROM snapshots
    WHERE since IS NOT NULL
),

facts AS (
    SELECT requested_at, account, credits_usage FROM main.generation_facts
    WHERE requested_at IS NOT NULL
        AND requested_at >= (SELECT min(since) FROM spans)
),

known AS (
    SELECT spans.account, spans.until, sum(facts.credits_usage) AS credits_usage, count(*) AS request_count
    FROM facts
    JOIN spans
        ON facts.requested_at >= spans.since
        AND facts.requested_at < spans.until
        AND (spans.account IS NULL OR facts.account = spans.account)
    GROUP BY spans.account, spans.until
),

final AS (
    SELECT
        spans.account,
        spans.since AS since_at,
        spans.until AS until_at,
        CAST(spans.billed_usage AS DECIMAL(28, 12)) AS billed_usage,
        CAST(coalesce(known.credits_usage, 0) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(spans.billed_usage - coalesce(known.credits_usage, 0) AS DECIMAL(28, 12)) AS missing_usage,
        CAST(coalesce(known.credits_usage, 0) / nullif(spans.billed_usage, 0) AS DOUBLE) AS usage_coverage,
        CAST(coalesce(known.request_count, 0) AS BIGINT) AS request_count,
        CAST(spans.balance AS DECIMAL(28, 12)) AS balance_usage
    FROM spans
    LEFT JOIN known
        ON known.until = spans.until
        AND known.account IS NOT DISTINCT FROM spans.account
)

SELECT * FROM final;

COMMENT ON VIEW ops.reconciliation_credits IS 'One row per account and pair of consecutive snapshots of its credits (ops.credits): by how much the counter rose, against what was ingested of that time. Requests that were under way at a snapshot count on one side before it, and on the other after it.';
COMMENT ON COLUMN ops.reconciliation_credits.account IS 'Configured account; NULL if none is configured.';
COMMENT ON COLUMN ops.reconciliation_credits.since_at IS 'Time of the snapshot before. Unit: UTC.';
COMMENT ON COLUMN ops.reconciliation_credits.until_at IS 'Time of the snapshot. Unit: UTC.';
COMMENT ON COLUMN ops.reconciliation_credits.billed_usage IS 'By how much total_usage of the counter rose. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_credits.credits_usage IS 'Charged to credits, as the generations say whose second lies between them; without a configured account those of all. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_credits.missing_usage IS 'billed_usage - credits_usage; negative where more was ingested than billed. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation_credits.usage_coverage IS 'credits_usage / billed_usage; NULL if that is 0. Unit: 0 to 1.';
COMMENT ON COLUMN ops.reconciliation_credits.request_count IS 'Generations ingested of that time. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation_credits.balance_usage IS 'Credits that were left at the snapshot: total_credits - total_usage. Unit: USD.';
