-- Adds new IDs to the ledger, as pending.
INSERT INTO ops.work BY NAME
SELECT
    i.*,
    'pending' AS state,
    CAST($now AS TIMESTAMP) AS first_seen_at,
    0 AS requests,
    0 AS runs
FROM incoming AS i;
