-- The rows of `incoming` whose IDs are neither in the ledger nor settled. The range prunes both look-ups; DuckDB takes
-- a stream for one row, so it hashes `incoming` and streams what is known past it: memory does not grow with that.
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM ops.work WHERE requested_at BETWEEN $low AND $high
    UNION ALL
    SELECT generation_id FROM main.generations WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);
