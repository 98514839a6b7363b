-- The checkpoint of each source: how far it was read, and how to recognise it.
SELECT
    source,
    file,
    signature,
    covered AS stored,
    resume_at AS position,
    coded,
    line,
    fingerprint,
    tail,
    checksum,
    sightings,
    exhausted,
    problem
FROM ops.sources
WHERE checksum IS NOT NULL
ORDER BY last_read_at;
