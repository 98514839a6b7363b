-- Records the rate limit that a run measured at a host for an account, in the transaction that deletes the earlier one.
INSERT INTO ops.rate_limits (host, account, rate, burst, learned_at, run_id)
VALUES ($host, $account, $rate, $burst, $learned_at, $run_id);
