-- The expected cost of future days, from the same weekdays of the past.
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
