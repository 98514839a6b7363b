-- grain: one row per day (UTC): the days of the history, then the newest day and the 30 days after it
-- A plain forecast that can be checked by hand. The newest day may not be over, so it is forecast and is no history.
-- History: the last 56 days before it at most, days without traffic as 0, but nothing from before a week without any:
-- that is time that was not ingested rather than time that cost nothing. With less than 7 days there is no row at all.
-- Level: the mean of the same weekday in the history if the history has 14 days or more, else the mean of all days.
-- Range: four of five coming days fall into it if days scatter normally. Spread is the standard deviation of the history
-- around its levels, with a degree of freedom less for each level; a level is itself a mean of few days, so a coming day
-- is sqrt(1 + 1/days) spreads off; and few degrees of freedom want a wider range: Student's t, by its expansion around the
-- normal quantile (Abramowitz and Stegun 26.7.5). The range does not reach below 0, unless refunds make the level negative.
CREATE OR REPLACE VIEW main.cost_forecast AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
    WHERE requested_day IS NOT NULL
),

daily AS (
    SELECT
        requested_day,
        sum(total_usage) AS total_usage
    FROM cells
    GROUP BY requested_day
),

followed AS (
    SELECT
        requested_day,
        requested_day - lag(requested_day) OVER (ORDER BY requested_day) AS days_since
    FROM daily
),

bounds AS (
    SELECT
        max(requested_day) AS newest,
        greatest(max(requested_day) FILTER (WHERE coalesce(days_since, 8) > 7), max(requested_day) - 56) AS oldest
    FROM followed
),

history AS (
    SELECT
        CAST(days.requested_day AS DATE) AS requested_day,
        coalesce(daily.total_usage, 0) AS total_usage,
        count(*) OVER () AS history_days
    FROM (SELECT unnest(generate_series(oldest, newest - 1, INTERVAL 1 DAY)) AS requested_day FROM bounds) AS days
    LEFT JOIN daily ON daily.requested_day = days.requested_day
),

levelled AS (
    SELECT
        *,
        CAST(CASE
            WHEN history_days >= 14 THEN avg(total_usage) OVER (PARTITION BY isodow(requested_day))
            ELSE avg(total_usage) OVER ()
        END AS DOUBLE) AS level
    FROM history
    WHERE history_days >= 7
),

levels AS (
    SELECT
        weekdays.weekday,
        coalesce(avg(level) FILTER (WHERE isodow(requested_day) = weekdays.weekday), avg(level)) AS level,
        sum((total_usage - level) * (total_usage - level)) AS squares,
        count(*) FILTER (WHERE history_days < 14 OR isodow(requested_day) = weekdays.weekday) AS level_days,
        max(history_days) AS history_days
    FROM levelled
    CROSS JOIN (SELECT unnest(generate_series(1, 7)) AS weekday) AS weekdays
    GROUP BY weekdays.weekday
),

ranged AS (
    SELECT
        weekday,
        level,
        history_days,
        history_days - CASE WHEN history_days >= 14 THEN 7 ELSE 1 END AS freedom,
        (1.281552 + 0.846595 / freedom + 0.570902 / (freedom * freedom))
            * sqrt(squares / freedom * (1 + 1 / level_days)) AS reach
    FROM levels
),

coming AS (
    SELECT CAST(unnest(generate_series(newest, newest + 30, INTERVAL 1 DAY)) AS DATE) AS requested_day
    FROM bounds
),

final AS (
    SELECT
        requested_day,
        false AS is_forecast,
        CAST(total_usage AS DECIMAL(28, 12)) AS total_usage,
        CAST(NULL AS DECIMAL(28, 12)) AS low_usage,
        CAST(NULL AS DECIMAL(28, 12)) AS high_usage,
        CAST(history_days AS BIGINT) AS history_days
    FROM levelled
    UNION ALL
    SELECT
        coming.requested_day,
        true AS is_forecast,
        CAST(level AS DECIMAL(28, 12)) AS total_usage,
        CAST(greatest(level - reach, least(level, 0)) AS DECIMAL(28, 12)) AS low_usage,
        CAST(level + reach AS DECIMAL(28, 12)) AS high_usage,
        CAST(history_days AS BIGINT) AS history_days
    FROM coming
    JOIN ranged ON ranged.weekday = isodow(coming.requested_day)
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_forecast IS 'One row per day: the history (at most 56 days, back to the last week without any traffic), then a forecast of the newest day, which may not be over yet, and of the 30 days after it. Empty with less than 7 days of history. The mean of the same weekday (of all days below 14 days of history), with an 80 % range; it knows neither trend nor holidays.';
COMMENT ON COLUMN main.cost_forecast.requested_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN main.cost_forecast.is_forecast IS 'Whether it is a forecast; else what was spent.';
COMMENT ON COLUMN main.cost_forecast.total_usage IS 'Spent, or expected to be. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.low_usage IS 'Lower end of the 80 % range; NULL for history. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.high_usage IS 'Upper end of the 80 % range; NULL for history. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.history_days IS 'Days the forecast is made of. Unit: days.';
