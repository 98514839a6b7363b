-- Stores what was told for ops.analytics_keys.
INSERT INTO ops.analytics_keys BY NAME
SELECT *, CAST($account AS VARCHAR) AS account, CAST($now AS TIMESTAMP) AS fetched_at
FROM incoming;
