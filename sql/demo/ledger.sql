-- The demo's table of the ledger: how many IDs are settled, pending and dead.
SELECT
    settled AS "settled IDs",
    pending AS "pending: asked again later",
    dead AS "dead: see ops.dead_letters",
    newest_settled_at AS "newest settled (UTC)"
FROM ops.freshness;
