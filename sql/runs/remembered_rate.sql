-- The rate limit last measured at a host for an account.
SELECT
    rate,
    burst,
    learned_at
FROM ops.rate_limits
WHERE host = $host
  AND account IS NOT DISTINCT FROM CAST($account AS VARCHAR);
