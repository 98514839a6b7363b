-- Deletes the rate limit that an earlier run measured at a host for an account: only the latest is kept.
DELETE FROM ops.rate_limits
WHERE host = $host
  AND account IS NOT DISTINCT FROM CAST($account AS VARCHAR);
