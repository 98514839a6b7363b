-- Days on which the cost of the account, or of one value of a dimension, stood out; the largest difference first. With
-- filters the account is what passes them. All of history is read, because a day is compared with the days before it: with
-- $ready from ops.cost_rollup, else from the generations.
WITH generations AS (
    SELECT
        *,
        CAST(NULL AS TIMESTAMP) AS local_at,
        CAST(NULL AS VARCHAR) AS label,
        CAST(NULL AS VARCHAR) AS team
    FROM main.generation_facts
    WHERE NOT $ready
      AND
        -- include: believed_day
),

daily AS (
    SELECT
        requested_day,
        -- include: rollup_dimensions name=$by_1
        AS key,
        sum(total_usage) AS total_usage,
        sum(request_count) AS request_count
    FROM ops.cost_rollup
    WHERE $ready
      AND
        -- include: believed_day
      AND (
        -- include: chosen dimensions=rollup_dimensions
      )
    GROUP BY ALL
    UNION ALL
    SELECT
        requested_day,
        -- include: fact_dimensions name=$by_1
        AS key,
        sum(total_usage) AS total_usage,
        count(*) AS request_count
    FROM generations
    WHERE
        -- include: chosen dimensions=fact_dimensions
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
    CASE WHEN is_account THEN '(account)' ELSE key END AS key_1,
    requested_day,
    CASE WHEN is_account THEN 'account' ELSE $by_1 END AS scope,
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
