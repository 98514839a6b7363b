-- Records the counts and the end of a run.
UPDATE ops.runs
SET
    finished_at = $now,
    bytes_read = $bytes_read,
    sightings = $sightings,
    new_ids = $new_ids,
    requests = $requests,
    settled = $settled,
    pending = $pending,
    dead = $dead,
    throttled = $throttled,
    overloaded = $overloaded,
    spend_added = $spend_added,
    waste = $waste,
    throttled_seconds = $throttled_seconds,
    request_ms_p50 = $request_ms_p50,
    request_ms_p95 = $request_ms_p95,
    rate_limit = $rate_limit,
    exit_code = $exit_code
WHERE run_id = $run_id;
