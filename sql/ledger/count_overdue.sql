-- Counts the pending IDs past the not-found grace, which this run should have settled: if any are left, the run is a
-- partial one. An ID that was not found and rests until the next night is where it should be. Legacy IDs are older than
-- any grace.
SELECT count(*)
FROM ops.work
WHERE state = 'pending'
  AND NOT (coalesce(reason, '') = 'not_found' AND coalesce(not_before, $now) > $now)
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') >= $since
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') < $until
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') <= $newest_overdue;
