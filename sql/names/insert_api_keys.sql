-- Stores keys that are listed now.
INSERT INTO ops.api_keys BY NAME
SELECT
    *,
    CAST($account AS VARCHAR) AS account,
    TRUE AS is_listed,
    CAST($now AS TIMESTAMP) AS fetched_at
FROM incoming;
