-- Stores what was told for ops.activity_days.
INSERT INTO ops.activity_days BY NAME
SELECT *, CAST($account AS VARCHAR) AS account, CAST($now AS TIMESTAMP) AS fetched_at
FROM incoming;
