-- Counts the pending IDs whose second lies in the future: our clock is behind, or they are look-alikes.
SELECT count(*)
FROM ops.work
WHERE state = 'pending'
  AND requested_at > $latest;
