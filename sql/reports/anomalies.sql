-- Days on which the cost of a model deviated strongly from the 28 days before, newest first.
WITH ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY abs(excess_usage) DESC, requested_day DESC, model) AS place
    FROM main.cost_anomalies
    WHERE $whole
       OR requested_day BETWEEN $first_day AND $last_day
)

SELECT
    requested_day,
    model,
    total_usage,
    median_usage,
    excess_usage,
    score,
    request_count,
    history_days
FROM ranked
WHERE place <= coalesce(CAST($top AS BIGINT), place)
ORDER BY requested_day DESC, abs(excess_usage) DESC, model;
