-- The next page of due IDs that are too recent for claim_ready, oldest first, because those become ready first. Pages
-- work as in claim_ready.
SELECT
    generation_id,
    requested_at,
    source,
    position,
    runs,
    last_status,
    reason,
    line,
    logged_at,
    log_fields,
    account,
    logged_usage,
    logged_byok_usage
FROM ops.work
WHERE state = 'pending'
  AND coalesce(not_before, $now) <= $now
  AND requested_at > $newest_ready
  AND requested_at >= $since
  AND requested_at < $until
  AND (requested_at, generation_id) > ($after_time, $after_id)
ORDER BY requested_at, generation_id
LIMIT $page;
