-- The demo's table of the ledger: how many IDs are settled, pending and dead.
SELECT
    settled AS "settled",
    pending AS "pending",
    dead AS "dead",
    newest_settled_at AS "newest settled (UTC)"
FROM ops.freshness;
