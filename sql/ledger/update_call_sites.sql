-- Replaces the call sites of work items whose lines were read again.
UPDATE ops.work AS w
SET
    source = i.source,
    position = i.position,
    line = i.line,
    logged_at = i.logged_at,
    log_fields = i.log_fields,
    logged_usage = i.logged_usage,
    logged_byok_usage = i.logged_byok_usage
FROM incoming AS i
WHERE w.generation_id = i.generation_id
  AND w.requested_at BETWEEN $low AND $high;
