-- Counts the IDs that a run starting now may request.
SELECT count(*)
FROM ops.work
WHERE state = 'pending'
  AND coalesce(not_before, $now) <= $now
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') >= $since
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') < $until;
