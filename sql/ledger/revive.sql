-- Makes the IDs of count_revivable pending and due at once. Their reason is kept to be seen, but counts from the start.
UPDATE ops.work
SET
    state = 'pending',
    not_before = NULL,
    runs = 0
WHERE (state = 'dead' OR not_before > $now)
  AND (CAST($reason AS VARCHAR) IS NULL OR reason = $reason)
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') >= $since;
