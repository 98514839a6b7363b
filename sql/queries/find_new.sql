-- The rows of `incoming` whose IDs are neither in the ledger nor settled. The range prunes both look-ups, and the semi
-- joins keep only what stands in `incoming`, so that memory does not grow with what is known. `incoming` can be read
-- once only, hence the materialized copy.
WITH incoming_rows AS MATERIALIZED (
    SELECT * FROM incoming
)
SELECT i.*
FROM incoming_rows AS i
ANTI JOIN (
    SELECT w.generation_id
    FROM (SELECT generation_id FROM ops.work WHERE requested_at BETWEEN $low AND $high) AS w
    SEMI JOIN incoming_rows USING (generation_id)
    UNION ALL
    SELECT g.generation_id
    FROM (SELECT generation_id FROM main.generations WHERE requested_at BETWEEN $low AND $high) AS g
    SEMI JOIN incoming_rows USING (generation_id)
) AS k USING (generation_id);
