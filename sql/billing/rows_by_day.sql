-- Both sides of some days by day, and what the differences of the models look like.
WITH looks AS (
    SELECT
        requested_day,
        coalesce(string_agg(DISTINCT difference, ', ' ORDER BY difference) FILTER (WHERE difference <> 'equal'), 'equal') AS difference
    FROM ops.reconciliation
    WHERE requested_day BETWEEN $first AND $last
    GROUP BY requested_day
)

SELECT
    CAST(days.requested_day AS VARCHAR) AS name,
    -- include: reconciled_sums
    sum(activity_usage) AS activity_usage,
    sum(analytics_usage) AS analytics_usage,
    any_value(looks.difference) AS difference
FROM ops.reconciliation_days AS days
LEFT JOIN looks
    ON looks.requested_day = days.requested_day
WHERE days.requested_day BETWEEN $first AND $last
GROUP BY days.requested_day
ORDER BY days.requested_day;
