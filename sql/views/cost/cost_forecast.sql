-- grain: one row per day (UTC): the days of the history, then the newest day and the 30 days after it
-- The newest day may not be over, so it is forecast and is no history. History: the last 56 days before it at most, days
-- without traffic as 0, but nothing from before a week without any: that is time that was not ingested rather than time
-- that cost nothing. With less than 7 days there is no row at all.
-- Weeks are counted back from the day before the newest. Less than 2 of them, or an account whose refunds outweigh its
-- cost, are forecast by the mean of all days. Otherwise:
-- A day counts at most 6 median absolute deviations (or half the median, if that is more) above the median of its
-- fortnight, its weekday considered, so that one incident is not the rule.
-- Index of a weekday: the mean of its shares in the mean day of each week.
-- Level and growth, from 4 weeks on: either a line or a single step through the logarithms of the weeks, whichever leaves
-- less squares (the line may leave 1.2 times as much). A line is a steady growth, at most 3 % a day, less where it is not
-- sure, and 1 % less with each coming day. A step is a level between the mean of all weeks and that of the weeks after
-- the step, the nearer to the latter the surer they differ.
-- Ranges of 80 %: days scatter around the index; level and growth are means of few days; and the level drifts on, as far
-- as the weeks scatter around the line or step by more than their days explain. Few degrees of freedom want wider ranges:
-- Student's t, by its expansion around the normal quantile (Abramowitz and Stegun 26.7.5). The ranges do not reach below
-- 0, unless refunds make the level negative.
CREATE OR REPLACE VIEW main.cost_forecast AS
WITH daily AS (
    SELECT
        requested_day,
        sum(total_usage) AS total_usage
    FROM ops.cost_rollup
    WHERE
        -- include: believed_day
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
        CAST(coalesce(daily.total_usage, 0) AS DOUBLE) AS spent,
        isodow(days.requested_day) AS weekday,
        CAST(days.newest - CAST(days.requested_day AS DATE) AS INTEGER) - 1 AS age,
        count(*) OVER () AS history_days,
        count(*) OVER () // 7 AS weeks
    FROM (SELECT newest, unnest(generate_series(oldest, newest - 1, INTERVAL 1 DAY)) AS requested_day FROM bounds) AS days
    LEFT JOIN daily ON daily.requested_day = days.requested_day
),

plain AS (
    SELECT
        *,
        age // 7 AS week,
        avg(spent) OVER (PARTITION BY age // 7) AS week_mean
    FROM history
    WHERE history_days >= 14
      AND age < 7 * weeks
),

roughly_indexed AS (
    SELECT
        *,
        greatest(median(CASE WHEN week_mean > 0 THEN spent / week_mean END) OVER (PARTITION BY weekday), 0.1) AS rough_index
    FROM plain
),

fortnightly AS (
    SELECT
        *,
        median(spent / rough_index) OVER (PARTITION BY age // 14) AS middle,
        mad(spent / rough_index) OVER (PARTITION BY age // 14) AS deviation
    FROM roughly_indexed
),

limited AS (
    SELECT
        weekday,
        week,
        weeks,
        CASE
            WHEN middle > 0 THEN least(spent, rough_index * (middle + greatest(6 * deviation, middle / 2)))
            ELSE spent
        END AS spent
    FROM fortnightly
),

shared AS (
    SELECT
        *,
        CASE WHEN avg(spent) OVER (PARTITION BY week) > 0 THEN spent / avg(spent) OVER (PARTITION BY week) END AS share
    FROM limited
),

indexes AS (
    SELECT
        weekday,
        avg(share) AS weekday_index
    FROM shared
    GROUP BY weekday
),

weekly AS (
    SELECT
        week,
        weeks,
        avg(spent) AS spent,
        CASE WHEN weeks >= 4 AND min(avg(spent)) OVER () > 0 THEN ln(avg(spent)) END AS height
    FROM limited
    GROUP BY week, weeks
),

line AS (
    SELECT
        weeks,
        avg(spent) AS whole,
        avg(height) AS height,
        regr_sxy(height, -7 * week) / regr_sxx(height, -7 * week) AS rate,
        regr_syy(height, -7 * week) - pow(regr_sxy(height, -7 * week), 2) / regr_sxx(height, -7 * week) AS squares,
        regr_sxx(height, -7 * week) AS leverage
    FROM weekly
    GROUP BY weeks
),

step AS (
    SELECT
        cut,
        avg(spent) FILTER (WHERE week < cut) AS recent,
        avg(spent) FILTER (WHERE week >= cut) AS older,
        var_pop(height) FILTER (WHERE week < cut) * cut
            + var_pop(height) FILTER (WHERE week >= cut) * (weeks - cut) AS squares
    FROM weekly
    JOIN (SELECT unnest(generate_series(1, 7)) AS cut) AS cuts ON cut < weeks
    WHERE height IS NOT NULL
    GROUP BY cut, weeks
    ORDER BY squares, cut
    LIMIT 1
),

weighed AS (
    SELECT
        line.*,
        step.cut,
        step.recent,
        scatter.variance,
        scatter.variance / 7 AS noise,
        pow((recent - older) / whole, 2) AS difference,
        4 * variance * (1 / (7 * cut) + 1 / (7 * (weeks - cut))) AS doubt,
        coalesce(line.squares < 1.2 * step.squares, false) AS is_line,
        line.squares / (weeks - 2) AS line_scatter,
        step.squares / (weeks - 3) AS step_scatter
    FROM line
    CROSS JOIN (
        SELECT sum(pow(share - weekday_index, 2)) / (6 * max(weeks) - 6) AS variance
        FROM shared
        JOIN indexes ON indexes.weekday = shared.weekday
    ) AS scatter
    LEFT JOIN step ON true
    WHERE whole > 0
),

judged AS (
    SELECT
        *,
        CASE WHEN is_line THEN greatest(noise, line_scatter) / leverage ELSE 0 END AS growth_variance,
        CASE WHEN is_line OR cut IS NULL THEN 0 ELSE coalesce(difference / nullif(difference + doubt, 0), 1) END AS weight,
        coalesce(2 * greatest(CASE WHEN is_line THEN line_scatter ELSE step_scatter END - 0.75 * noise, 0), 0) AS drift
    FROM weighed
),

grown AS (
    SELECT
        *,
        CASE
            WHEN is_line AND rate <> 0
                THEN least(greatest(pow(rate, 3) / (rate * rate + 2 * growth_variance), -0.03), 0.03)
            ELSE 0
        END AS growth
    FROM judged
),

fitted AS (
    SELECT
        CASE
            WHEN is_line THEN exp(height + growth * (7 * weeks + 1) / 2)
            ELSE whole + weight * (coalesce(recent, whole) - whole)
        END AS level,
        growth,
        growth_variance,
        variance,
        1 + 1 / weeks AS indexed_variance,
        coalesce(weight * weight * greatest(noise, step_scatter) / cut, 0)
            + (1 - weight * weight) * variance / (7 * weeks) AS level_variance,
        drift,
        7 * weeks AS days,
        6 * weeks - 6 AS freedom
    FROM grown
    UNION ALL
    SELECT
        avg(spent) AS level,
        0 AS growth,
        0 AS growth_variance,
        var_samp(spent) / nullif(pow(avg(spent), 2), 0) AS variance,
        1 AS indexed_variance,
        var_samp(spent) / nullif(pow(avg(spent), 2), 0) / count(*) AS level_variance,
        0 AS drift,
        count(*) AS days,
        count(*) - 1 AS freedom
    FROM history
    WHERE NOT EXISTS (FROM grown)
    HAVING count(*) >= 7
),

coming AS (
    SELECT
        CAST(bounds.newest + day.place - 1 AS DATE) AS requested_day,
        day.place,
        fitted.*,
        exp(growth * ((1 - pow(0.99, day.place)) / 0.01 - 1)) AS factor,
        CASE WHEN EXISTS (FROM grown) THEN coalesce(indexes.weekday_index, 1) ELSE 1 END AS weekday_index,
        1.281552 + 0.846595 / freedom + 0.570902 / (freedom * freedom) AS quantile
    FROM bounds
    CROSS JOIN fitted
    CROSS JOIN (SELECT CAST(unnest(generate_series(1, 31)) AS INTEGER) AS place) AS day
    LEFT JOIN indexes ON indexes.weekday = isodow(CAST(bounds.newest + day.place - 1 AS DATE))
),

ranged AS (
    SELECT
        requested_day,
        level * factor * weekday_index AS expected,
        level * sum(factor * weekday_index) OVER days AS running,
        abs(level) * quantile * sqrt(
            variance * indexed_variance * factor * factor
            + pow(factor * weekday_index, 2)
            * (level_variance + drift * (1 + place / 7) + growth_variance * pow(days / 2 + place, 2))
        ) AS reach,
        abs(level) * quantile * sqrt(
            variance * sum(factor * factor) OVER days
            + pow(sum(factor * weekday_index) OVER days, 2)
            * (level_variance + drift * (1 + place / 21) + growth_variance * pow(days / 2 + place / 2, 2))
        ) AS running_reach
    FROM coming
    WINDOW days AS (ORDER BY requested_day)
),

final AS (
    SELECT
        requested_day,
        false AS is_forecast,
        CAST(total_usage AS DECIMAL(28, 12)) AS total_usage,
        CAST(NULL AS DECIMAL(28, 12)) AS low_usage,
        CAST(NULL AS DECIMAL(28, 12)) AS high_usage,
        CAST(NULL AS DECIMAL(28, 12)) AS running_usage,
        CAST(NULL AS DECIMAL(28, 12)) AS running_low_usage,
        CAST(NULL AS DECIMAL(28, 12)) AS running_high_usage,
        CAST(history_days AS BIGINT) AS history_days
    FROM history
    WHERE history_days >= 7
    UNION ALL
    SELECT
        requested_day,
        true AS is_forecast,
        CAST(expected AS DECIMAL(28, 12)) AS total_usage,
        CAST(greatest(expected - coalesce(reach, 0), least(expected, 0)) AS DECIMAL(28, 12)) AS low_usage,
        CAST(expected + coalesce(reach, 0) AS DECIMAL(28, 12)) AS high_usage,
        CAST(running AS DECIMAL(28, 12)) AS running_usage,
        CAST(greatest(running - coalesce(running_reach, 0), least(running, 0)) AS DECIMAL(28, 12)) AS running_low_usage,
        CAST(running + coalesce(running_reach, 0) AS DECIMAL(28, 12)) AS running_high_usage,
        (SELECT CAST(count(*) AS BIGINT) FROM history) AS history_days
    FROM ranged
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_forecast IS 'One row per day: the history (at most 56 days, back to the last week without any traffic), then a forecast of the newest day, which may not be over yet, and of the 30 days after it. Empty with less than 7 days of history. The level of the last weeks or their steady growth, and an index of the weekday; with 80 % ranges for each day and for the sum so far. It knows no holidays. Days after the newest arrival of an answer are not believed.';
COMMENT ON COLUMN main.cost_forecast.requested_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN main.cost_forecast.is_forecast IS 'Whether it is a forecast; else what was spent.';
COMMENT ON COLUMN main.cost_forecast.total_usage IS 'Spent, or expected to be. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.low_usage IS 'Lower end of the 80 % range; NULL for history. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.high_usage IS 'Upper end of the 80 % range; NULL for history. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.running_usage IS 'Sum of the forecasts from the newest day to this one; NULL for history. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.running_low_usage IS 'Lower end of the 80 % range of that sum, which is narrower than the sum of the days'' ranges; NULL for history. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.running_high_usage IS 'Upper end of the 80 % range of that sum; NULL for history. Unit: USD.';
COMMENT ON COLUMN main.cost_forecast.history_days IS 'Days the forecast is made of. Unit: days.';
