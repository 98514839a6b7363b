-- CTEs: from daily (requested_day, key, total_usage, request_count) the days of the account and of each key whose cost
-- stands out, as unusual. Computed in doubles, with the exact cost beside them. The rules:
-- The newest day is left out, because it may not be over. A day without traffic counts as 0, but days in a gap of more
-- than a week were not ingested and do not exist. Nothing is compared before day 15.
-- Floor: 5 % of the account's median day of the 28 days before. A smaller difference never stands out, and keys are
-- compared only if one of their days reached half of it.
-- Weekday index: the median, over the last 8 of the same weekday, of the day by the mean of its week; 1 with fewer than 3.
-- Level: the median of the last 7 days, each divided by its index. A lasting change is thus usual after four days.
-- Expected: level x index. Deviation: the upper quartile of the last 56 differences from what was expected, as shares of
-- their level, in standard deviations (/ 1.15), x the level; at least 1 % of the level.
-- up, down: a difference of more than 4 deviations (the account: 3.3) on a day, or usual days, of 10 requests or more. Up
-- takes more where requests are few: x (1 + 3 / sqrt(requests of the median day)). Without an index
-- both take twice that, and a day beyond all such weekdays before.
-- stopped: no request, on a weekday that always had some, where 10 are usual.
-- up, of a key with fewer usual requests or a level of 0: more than twice its dearest of 56 days, by 10 % of the account's
-- median day.
-- new: the first day to reach the floor, in the 14 days after a key's first request in 28 days, which came after day 14 of
-- the account; if the key had 10 requests or the account has them on its median day.
account AS (
    SELECT
        requested_day,
        sum(total_usage) AS total_usage,
        sum(request_count) AS request_count
    FROM daily
    GROUP BY requested_day
),

followed AS (
    SELECT
        requested_day,
        requested_day - lag(requested_day) OVER (ORDER BY requested_day) AS days_since,
        max(requested_day) OVER () AS newest
    FROM account
),

calendar AS (
    SELECT
        newest,
        CAST(unnest(generate_series(
            requested_day - CASE WHEN days_since <= 7 THEN CAST(days_since AS INTEGER) - 1 ELSE 0 END, requested_day, INTERVAL 1 DAY
        )) AS DATE) AS requested_day
    FROM followed
),

account_days AS (
    SELECT
        calendar.requested_day,
        coalesce(account.total_usage, 0) AS total_usage,
        coalesce(account.request_count, 0) AS request_count,
        CASE WHEN count(*) OVER before >= 14 THEN median(CAST(coalesce(account.total_usage, 0) AS DOUBLE)) OVER before END AS median_day,
        median(CAST(coalesce(account.request_count, 0) AS DOUBLE)) OVER before AS median_requests
    FROM calendar
    LEFT JOIN account ON account.requested_day = calendar.requested_day
    WHERE calendar.requested_day < calendar.newest
    WINDOW before AS (ORDER BY calendar.requested_day ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING)
),

keys AS (
    SELECT
        daily.key,
        min(daily.requested_day) AS first_day
    FROM daily
    JOIN account_days ON account_days.requested_day = daily.requested_day
    GROUP BY daily.key
    HAVING bool_or(daily.total_usage >= 0.025 * account_days.median_day AND daily.total_usage > 0)
),

series AS (
    SELECT
        false AS is_account,
        keys.key,
        account_days.requested_day,
        coalesce(daily.total_usage, 0) AS total_usage,
        coalesce(daily.request_count, 0) AS request_count,
        median_day,
        median_requests AS account_requests
    FROM keys
    JOIN account_days ON account_days.requested_day >= keys.first_day
    LEFT JOIN daily
        ON daily.key IS NOT DISTINCT FROM keys.key
        AND daily.requested_day = account_days.requested_day
    UNION ALL
    SELECT
        true AS is_account,
        NULL AS key,
        requested_day,
        total_usage,
        request_count,
        median_day,
        median_requests AS account_requests
    FROM account_days
),

measured AS (
    SELECT
        *,
        CAST(total_usage AS DOUBLE) AS spent,
        isodow(requested_day) AS weekday,
        count(*) OVER history AS history_days,
        median(CAST(request_count AS DOUBLE)) OVER history AS usual_requests,
        max(CAST(total_usage AS DOUBLE)) OVER history AS dearest,
        avg(CAST(total_usage AS DOUBLE)) OVER history AS mean_usage,
        coalesce(sum(request_count) OVER month, 0) = 0 AND request_count > 0 AS is_start,
        CASE
            WHEN count(*) OVER week = 7
                THEN CAST(total_usage AS DOUBLE) / nullif(avg(CAST(total_usage AS DOUBLE)) OVER week, 0)
        END AS share_of_week
    FROM series
    WINDOW
        history AS (PARTITION BY is_account, key ORDER BY requested_day ROWS BETWEEN 56 PRECEDING AND 1 PRECEDING),
        month AS (PARTITION BY is_account, key ORDER BY requested_day ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING),
        week AS (PARTITION BY is_account, key ORDER BY requested_day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
),

indexed AS (
    SELECT
        *,
        CASE WHEN count(share_of_week) OVER same >= 3 THEN median(share_of_week) OVER same ELSE 1 END AS weekday_index,
        count(share_of_week) OVER same >= 3 AS is_indexed,
        min(request_count) OVER same AS least_requests,
        min(CAST(total_usage AS DOUBLE)) OVER same AS same_from,
        max(CAST(total_usage AS DOUBLE)) OVER same AS same_to,
        max(CASE WHEN is_start AND median_day IS NOT NULL THEN requested_day END) OVER (
            PARTITION BY is_account, key ORDER BY requested_day ROWS UNBOUNDED PRECEDING
        ) AS started
    FROM measured
    WINDOW same AS (PARTITION BY is_account, key, weekday ORDER BY requested_day ROWS BETWEEN 8 PRECEDING AND 1 PRECEDING)
),

levelled AS (
    SELECT
        *,
        median(CASE WHEN weekday_index >= 0.1 THEN spent / weekday_index END) OVER week AS level,
        sum(CASE WHEN spent >= 0.05 * median_day THEN 1 ELSE 0 END) OVER (
            PARTITION BY is_account, key, started ORDER BY requested_day ROWS UNBOUNDED PRECEDING
        ) AS days_past_floor
    FROM indexed
    WINDOW week AS (PARTITION BY is_account, key ORDER BY requested_day ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING)
),

expected AS (
    SELECT
        *,
        level * weekday_index AS expected_usage,
        CASE WHEN weekday_index >= 0.1 AND level > 0 THEN abs(spent / level - weekday_index) END AS off
    FROM levelled
),

scattered AS (
    SELECT
        *,
        count(off) OVER history AS compared_days,
        level * greatest(quantile_cont(off, 0.75) OVER history / 1.15, 0.01) AS deviation,
        CASE WHEN is_indexed THEN 1 ELSE 2 END * CASE WHEN is_account THEN 3.3 ELSE 4 END * deviation AS sure
    FROM expected
    WINDOW history AS (PARTITION BY is_account, key ORDER BY requested_day ROWS BETWEEN 56 PRECEDING AND 1 PRECEDING)
),

judged AS (
    SELECT
        *,
        CASE
            WHEN NOT is_account AND requested_day < started + 14 AND days_past_floor = 1 AND spent >= 0.05 * median_day
                AND greatest(request_count, account_requests) >= 10
                THEN 'new'
            WHEN history_days < 14 OR compared_days < 10 OR level <= 0
                OR greatest(request_count, usual_requests) < 10
                OR abs(spent - expected_usage) < 0.05 * median_day
                OR (NOT is_indexed AND spent BETWEEN same_from AND same_to)
                THEN NULL
            WHEN request_count = 0 AND usual_requests >= 10 AND least_requests > 0
                THEN 'stopped'
            WHEN spent - expected_usage > sure * (1 + 3 / sqrt(greatest(usual_requests, 1)))
                THEN 'up'
            WHEN expected_usage - spent > sure
                THEN 'down'
        END AS regular,
        NOT is_account AND history_days >= 14 AND account_requests >= 10
            AND (usual_requests < 10 OR coalesce(level, 0) <= 0)
            AND spent > 2 * dearest AND spent - mean_usage >= 0.1 * median_day AS is_record
    FROM scattered
    WHERE median_day > 0
),

unusual AS (
    SELECT
        requested_day,
        is_account,
        key,
        coalesce(regular, 'up') AS kind,
        CAST(total_usage AS DECIMAL(28, 12)) AS total_usage,
        CAST(CASE
            WHEN regular = 'new' THEN 0
            WHEN regular IS NULL THEN mean_usage
            ELSE expected_usage
        END AS DECIMAL(28, 12)) AS expected_usage,
        CASE WHEN regular IN ('up', 'down', 'stopped') THEN (spent - expected_usage) / deviation END AS score,
        CAST(request_count AS BIGINT) AS request_count,
        CAST(history_days AS BIGINT) AS history_days
    FROM judged
    WHERE regular IS NOT NULL
       OR is_record
),
