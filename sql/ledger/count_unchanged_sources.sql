-- Counts the rows of `incoming` that change nothing about a source except when it was read. For a source with a
-- checkpoint, a reading that found no text, or failed at once, changes nothing either, because the checkpoint is kept.
SELECT count(*)
FROM incoming AS i
JOIN ops.sources AS s ON s.source = i.source
WHERE (s.checksum IS NOT NULL AND i.checksum IS NULL AND coalesce(i.position, 0) = 0)
   OR (s.fingerprint IS NOT DISTINCT FROM i.fingerprint
       AND s.position IS NOT DISTINCT FROM i.position
       AND s.size IS NOT DISTINCT FROM i.size
       AND s.complete IS NOT DISTINCT FROM i.complete
       AND s.sightings IS NOT DISTINCT FROM i.sightings
       AND s.problem IS NOT DISTINCT FROM i.problem
       AND s.file IS NOT DISTINCT FROM i.file
       AND s.signature IS NOT DISTINCT FROM i.signature
       AND s.covered IS NOT DISTINCT FROM i.covered
       AND s.resume_at IS NOT DISTINCT FROM i.resume_at
       AND s.checksum IS NOT DISTINCT FROM i.checksum
       AND s.exhausted IS NOT DISTINCT FROM i.exhausted);
