-- Stores what was told for ops.analytics_days.
INSERT INTO ops.analytics_days BY NAME
SELECT *, CAST($account AS VARCHAR) AS account, CAST($now AS TIMESTAMP) AS fetched_at
FROM incoming;
