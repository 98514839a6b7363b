-- Counts, by reason, the IDs that are dead or rest until a later time. A $reason that is NULL selects all of them. Legacy
-- IDs count as the oldest.
SELECT reason, count(*) AS ids
FROM ops.work
WHERE (state = 'dead' OR not_before > $now)
  AND (CAST($reason AS VARCHAR) IS NULL OR reason = $reason)
  AND coalesce(requested_at, TIMESTAMP '1970-01-01') >= $since
GROUP BY reason
ORDER BY ids DESC, reason;
