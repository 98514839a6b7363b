-- Deletes the rate limit that an earlier run measured at a host: only the latest is kept.
DELETE FROM ops.rate_limits
WHERE host = $host;
