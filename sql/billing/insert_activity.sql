-- Stores what was told for ops.activity.
INSERT INTO ops.activity BY NAME
SELECT *, CAST($account AS VARCHAR) AS account, CAST($now AS TIMESTAMP) AS fetched_at
FROM incoming;
