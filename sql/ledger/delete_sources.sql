-- Removes the sources that are about to be stored again. A source that could not be read at all keeps its checkpoint.
DELETE FROM ops.sources AS s
USING incoming AS i
WHERE s.source = i.source
  AND (i.checksum IS NOT NULL OR i.position > 0 OR s.checksum IS NULL);
