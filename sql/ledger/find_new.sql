-- The rows of `incoming` whose IDs are neither in the ledger nor settled. The range limits both look-ups. DuckDB
-- estimates a stream at one row, so it hashes `incoming` and streams the known IDs past it: memory does not grow with
-- the warehouse.
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM ops.work WHERE requested_at BETWEEN $low AND $high
    UNION ALL
    SELECT generation_id FROM main.generations WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);
