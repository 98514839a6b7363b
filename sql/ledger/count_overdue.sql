-- Pending IDs past the grace that this run should have settled: leaving any makes it a partial one.
-- Legacy IDs are older than any grace.
SELECT count(*)
FROM ops.work
WHERE state = 'pending'
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') BETWEEN $since AND $until;
