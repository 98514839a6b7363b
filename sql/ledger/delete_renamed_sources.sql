-- Removes the records of sources under earlier names, in the transaction that stores them under their new ones.
DELETE FROM ops.sources AS s
USING incoming AS i
WHERE s.source = i.source;
