-- The IDs of `incoming` that are in the ledger or settled, with the call site that is stored of each. The range limits
-- both look-ups.
SELECT
    k.generation_id,
    k.is_settled,
    k.day,
    k.source,
    k.position,
    k.line,
    k.logged_at,
    k.log_fields,
    k.logged_usage,
    k.logged_byok_usage
FROM incoming AS i
JOIN (
    SELECT
        generation_id,
        false AS is_settled,
        CAST(requested_at AS DATE) AS day,
        source,
        position,
        line,
        logged_at,
        log_fields,
        logged_usage,
        logged_byok_usage
    FROM ops.work
    WHERE requested_at BETWEEN $low AND $high
    UNION ALL
    SELECT
        generation_id,
        true AS is_settled,
        requested_day AS day,
        source,
        source_position AS position,
        source_line AS line,
        logged_at,
        log_fields,
        logged_usage,
        logged_byok_usage
    FROM main.generations
    WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);
