-- The rows of `incoming` whose IDs were not erased.
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT id_hash FROM ops.forgotten WHERE requested_at BETWEEN $low AND $high
) AS f ON f.id_hash = sha256(i.generation_id)
WHERE coalesce(i.requested_at >= (SELECT max(before) FROM ops.erasures), true);
