-- Stores how far sources were read, in the transaction that stores their last IDs.
INSERT INTO ops.sources BY NAME
SELECT i.*
FROM incoming AS i
ANTI JOIN ops.sources AS s USING (source);
