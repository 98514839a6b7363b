-- The limit a run measured at a host, in the transaction that forgets the one before.
INSERT INTO ops.rate_limits (host, rate, burst, learned_at, run_id)
VALUES ($host, $rate, $burst, $learned_at, $run_id);
