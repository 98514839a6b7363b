-- How a source was read, in the transaction that stores its last IDs.
INSERT INTO ops.sources (
    source, fingerprint, position, size, complete, sightings, problem, last_read_at, run_id
)
VALUES ($source, $fingerprint, $position, $size, $complete, $sightings, $problem, $now, $run_id);
