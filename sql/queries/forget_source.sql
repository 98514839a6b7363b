-- A source is described as it was at its last reading only.
DELETE FROM ops.sources
WHERE source = $source;
