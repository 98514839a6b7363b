-- Records an erasure: what was deleted, and the time before which IDs are refused.
INSERT INTO ops.erasures (erased_at, before, generations, provider_attempts, generation_contents, unsettled)
VALUES ($now, $before, $generations, $provider_attempts, $generation_contents, $unsettled);
