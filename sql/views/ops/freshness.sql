-- grain: one row for the warehouse
-- How complete and how recent the warehouse is.
CREATE OR REPLACE VIEW ops.freshness AS
WITH generations AS (
    SELECT
        count(*) AS settled,
        max(requested_at) AS newest_settled_at,
        max(fetched_at) AS last_fetched_at
    FROM main.generations
),

ledger AS (
    SELECT
        count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'dead') AS dead,
        min(requested_at) FILTER (WHERE state = 'pending') AS oldest_pending_at
    FROM ops.work
),

runs AS (
    SELECT
        max(started_at) AS last_run_at,
        (SELECT exit_code FROM ops.runs ORDER BY started_at DESC LIMIT 1) AS last_exit_code
    FROM ops.runs
),

final AS (
    SELECT
        CAST(g.settled AS BIGINT) AS settled,
        CAST(l.pending AS BIGINT) AS pending,
        CAST(l.dead AS BIGINT) AS dead,
        g.newest_settled_at,
        l.oldest_pending_at,
        g.last_fetched_at,
        r.last_run_at,
        r.last_exit_code
    FROM generations AS g
    CROSS JOIN ledger AS l
    CROSS JOIN runs AS r
)

SELECT * FROM final;

COMMENT ON VIEW ops.freshness IS 'One row: how complete and how recent the warehouse is.';
COMMENT ON COLUMN ops.freshness.settled IS 'Generations stored. Unit: IDs.';
COMMENT ON COLUMN ops.freshness.pending IS 'IDs that a later run asks again. Unit: IDs.';
COMMENT ON COLUMN ops.freshness.dead IS 'IDs given up, see ops.dead_letters. Unit: IDs.';
COMMENT ON COLUMN ops.freshness.newest_settled_at IS 'Request of the newest generation stored. Unit: UTC.';
COMMENT ON COLUMN ops.freshness.oldest_pending_at IS 'Request of the oldest pending ID; NULL if none, or if they are all legacy IDs. Unit: UTC.';
COMMENT ON COLUMN ops.freshness.last_fetched_at IS 'When the last answer arrived. Unit: UTC.';
COMMENT ON COLUMN ops.freshness.last_run_at IS 'Start of the last run. Unit: UTC.';
COMMENT ON COLUMN ops.freshness.last_exit_code IS 'Its exit code; NULL if it was killed or is under way.';
