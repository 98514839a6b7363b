-- The IDs of `incoming` that are in the ledger or settled, and of which no line told the cost yet.
SELECT
    k.generation_id,
    k.is_settled,
    k.day
FROM incoming AS i
JOIN (
    SELECT
        generation_id,
        false AS is_settled,
        CAST(requested_at AS DATE) AS day
    FROM ops.work
    WHERE requested_at BETWEEN $low AND $high
      AND logged_usage IS NULL
    UNION ALL
    SELECT
        generation_id,
        true AS is_settled,
        requested_day AS day
    FROM main.generations
    WHERE requested_at BETWEEN $low AND $high
      AND logged_usage IS NULL
) AS k USING (generation_id);
