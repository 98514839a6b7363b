-- What the demo shows of the ledger: what became of every ID ever seen.
SELECT
    settled AS "settled IDs",
    pending AS "pending: asked again later",
    dead AS "dead: see ops.dead_letters",
    newest_settled_at AS "newest settled (UTC)"
FROM ops.freshness;
