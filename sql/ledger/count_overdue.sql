-- Counts the pending IDs past the not-found grace, which this run should have settled: if any are left, the run is a
-- partial one. Legacy IDs are older than any grace.
SELECT count(*)
FROM ops.work
WHERE state = 'pending'
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') >= $since
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') < $until
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') <= $newest_overdue;
