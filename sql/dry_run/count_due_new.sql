-- Counts the IDs that the run would add and also request.
SELECT count(*)
FROM new_ids
WHERE coalesce(requested_at, TIMESTAMP '1970-01-01') >= $since
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') < $until;
