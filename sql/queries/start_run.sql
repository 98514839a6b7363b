-- A run announces itself before it writes anything else.
INSERT INTO ops.runs (run_id, started_at, version, base_url)
VALUES ($run_id, $now, $version, $base_url);
