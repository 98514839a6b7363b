-- Records the start of a run, unless it is recorded already: this runs again for each new work copy.
INSERT INTO ops.runs (run_id, started_at, version, base_url)
SELECT $run_id, $now, $version, $base_url
WHERE NOT EXISTS (SELECT 1 FROM ops.runs WHERE run_id = $run_id);
