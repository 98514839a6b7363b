-- What the demo shows of the ledger: what became of every ID ever seen.
SELECT
    settled AS "settled IDs",
    pending AS "pending: not there yet",
    dead AS "dead: never found",
    newest_settled_at AS "newest settled (UTC)"
FROM ops.freshness;
