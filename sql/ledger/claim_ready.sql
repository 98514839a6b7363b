-- The next page of due IDs that are old enough to be requested at once, newest first. A page begins after the last row
-- of the page before, so a run claims no ID twice, whatever its state is by then. Legacy IDs sort as the oldest.
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
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') >= $since
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') < $until
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') <= $newest_ready
  AND (coalesce(requested_at, TIMESTAMP '1970-01-01'), generation_id) < ($after_time, $after_id)
ORDER BY coalesce(requested_at, TIMESTAMP '1970-01-01') DESC, generation_id DESC
LIMIT $page;
