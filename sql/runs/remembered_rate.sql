-- The rate limit last measured at a host.
SELECT
    rate,
    burst,
    learned_at
FROM ops.rate_limits
WHERE host = $host;
