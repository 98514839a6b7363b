-- How sources were read, in the transaction that stores their last IDs.
INSERT INTO ops.sources BY NAME
SELECT * FROM incoming;
