-- A source is described as it was at its last reading only.
DELETE FROM ops.sources
WHERE source IN (SELECT i.source FROM incoming AS i);
