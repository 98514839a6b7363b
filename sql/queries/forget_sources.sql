-- A source is described as it was at its last reading only. One that could not be read at all keeps its checkpoint.
DELETE FROM ops.sources
WHERE source IN (SELECT i.source FROM incoming AS i WHERE i.checksum IS NOT NULL OR i.position > 0)
   OR (checksum IS NULL AND source IN (SELECT i.source FROM incoming AS i));
