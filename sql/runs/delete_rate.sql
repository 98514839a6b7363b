-- Of each host only the limit measured last is kept.
DELETE FROM ops.rate_limits
WHERE host = $host;
