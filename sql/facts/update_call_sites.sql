-- Replaces the call sites of settled IDs whose lines were read again.
UPDATE main.generations AS g
SET
    source = i.source,
    source_position = i.position,
    source_line = i.line,
    logged_at = i.logged_at,
    log_fields = i.log_fields,
    logged_usage = i.logged_usage,
    logged_byok_usage = i.logged_byok_usage
FROM incoming AS i
WHERE g.generation_id = i.generation_id
  AND g.requested_at BETWEEN $low AND $high;
