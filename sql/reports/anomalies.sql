-- Days on which the cost of the account, or of one value of a dimension, stood out; the largest difference first.
-- Models, authors and providers are read from ops.cost_rollup, other dimensions from the generations. All of history is
-- read, because a day is compared with the days before it.
WITH daily AS (
    SELECT
        requested_day,
        CASE $by
            WHEN 'author' THEN split_part(model, '/', 1)
            WHEN 'provider' THEN provider_name
            ELSE model
        END AS key,
        sum(total_usage) AS total_usage,
        sum(request_count) AS request_count
    FROM ops.cost_rollup
    WHERE $by IN ('model', 'author', 'provider')
      AND
        -- include: believed_day
    GROUP BY ALL
    UNION ALL
    SELECT
        requested_day,
        CASE $by
            -- include: fact_keys
        END AS key,
        sum(total_usage) AS total_usage,
        count(*) AS request_count
    FROM main.generation_facts
    WHERE $by NOT IN ('model', 'author', 'provider')
      AND
        -- include: believed_day
    GROUP BY ALL
),

-- include: unusual_days

ranked AS (
    SELECT
        *,
        CAST(total_usage - expected_usage AS DECIMAL(28, 12)) AS excess_usage,
        row_number() OVER (
            ORDER BY abs(total_usage - expected_usage) DESC, requested_day DESC, is_account DESC, key
        ) AS place
    FROM unusual
    WHERE $whole
       OR requested_day BETWEEN $first_day AND $last_day
)

SELECT
    0 AS part,
    CASE WHEN is_account THEN '(account)' ELSE key END AS key,
    requested_day,
    CASE WHEN is_account THEN 'account' ELSE $by END AS scope,
    kind,
    total_usage,
    expected_usage,
    excess_usage,
    score,
    request_count,
    history_days
FROM ranked
WHERE place <= coalesce(CAST($top AS BIGINT), place)
ORDER BY place;
