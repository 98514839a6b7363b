-- What the days to come will cost, if they are like the same weekdays before.
SELECT
    requested_day,
    low_usage,
    total_usage,
    high_usage,
    history_days
FROM main.cost_forecast
WHERE is_forecast
  AND ($whole OR requested_day BETWEEN $first_day AND $last_day)
ORDER BY requested_day;
