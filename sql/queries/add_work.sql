-- New IDs: those of `incoming` that are neither in the ledger nor settled. The range prunes both look-ups.
INSERT INTO ops.work BY NAME
SELECT
    i.generation_id,
    'pending' AS state,
    CAST($now AS TIMESTAMP) AS first_seen_at,
    i.requested_at,
    i.source,
    i.position,
    0 AS requests,
    0 AS runs
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM ops.work WHERE requested_at BETWEEN $low AND $high
    UNION ALL
    SELECT generation_id FROM main.generations WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);
