-- Records the rate limit that a run measured at a host, in the transaction that deletes the earlier one.
INSERT INTO ops.rate_limits (host, rate, burst, learned_at, run_id)
VALUES ($host, $rate, $burst, $learned_at, $run_id);
