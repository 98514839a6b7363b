-- Where reading goes on in each source that was read before.
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
