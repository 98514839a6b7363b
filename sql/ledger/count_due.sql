-- How many IDs a run that starts now may ask.
SELECT count(*)
FROM ops.work
WHERE state = 'pending'
  AND coalesce(not_before, $now) <= $now
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') BETWEEN $since AND $until;
