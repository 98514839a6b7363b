-- The forecast of the coming days, with its range and the days of history behind it.
SELECT
    requested_day,
    low_usage,
    total_usage,
    high_usage,
    running_low_usage,
    running_usage,
    running_high_usage,
    history_days
FROM main.cost_forecast
WHERE is_forecast
  AND ($whole OR requested_day BETWEEN $first_day AND $last_day)
ORDER BY requested_day;
