-- Stores a snapshot of an account's credits.
INSERT INTO ops.credits BY NAME
SELECT *, CAST($account AS VARCHAR) AS account, CAST($now AS TIMESTAMP) AS fetched_at
FROM incoming;
