-- The cost of requests whose completion is missing or incomplete, by one dimension; periods, parts and $top as in
-- reports/cost.sql.
WITH shifts AS (
    SELECT
        unnest(CAST($begins AS TIMESTAMP[])) AS begins,
        unnest(CAST($ends AS TIMESTAMP[])) AS ends,
        unnest(CAST($seconds AS BIGINT[])) AS seconds,
        unnest(CAST($labels AS VARCHAR[])) AS label
),

timed AS (
    SELECT
        facts.*,
        facts.requested_at + to_seconds(shifts.seconds) AS local_at,
        shifts.label
    FROM main.generation_facts AS facts
    JOIN shifts
        ON facts.requested_at >= shifts.begins
        AND facts.requested_at < shifts.ends
    WHERE facts.requested_at >= $since
      AND facts.requested_at < $until
    UNION ALL
    SELECT
        facts.*,
        CAST(facts.requested_day AS TIMESTAMP) AS local_at,
        NULL AS label
    FROM main.generation_facts AS facts
    WHERE facts.requested_at IS NULL
      AND ($whole OR facts.requested_day BETWEEN $first_midnight AND $last_day)
),

cells AS (
    SELECT
        CASE $by
            WHEN 'hour' THEN strftime(local_at, '%Y-%m-%dT%H:00') || label
            WHEN 'day' THEN strftime(local_at, '%Y-%m-%d')
            WHEN 'week' THEN strftime(date_trunc('week', local_at), '%Y-%m-%d')
            WHEN 'month' THEN strftime(local_at, '%Y-%m')
            WHEN 'model' THEN model
            WHEN 'author' THEN model_author
            WHEN 'provider' THEN provider_name
            WHEN 'app' THEN CAST(app_id AS VARCHAR)
            WHEN 'user' THEN external_user
            WHEN 'session' THEN session_id
            WHEN 'workspace' THEN workspace_id
            WHEN 'status' THEN status
        END AS key,
        min(coalesce(requested_at, local_at)) AS began,
        count(*) FILTER (WHERE status <> 'completed') AS request_count,
        count(*) FILTER (WHERE status <> 'completed' AND total_usage > 0) AS paid_count,
        coalesce(sum(total_usage) FILTER (WHERE status <> 'completed'), 0) AS total_usage,
        coalesce(sum(total_usage) FILTER (WHERE status = 'cancelled'), 0) AS cancelled_usage,
        coalesce(sum(total_usage) FILTER (WHERE status = 'failed'), 0) AS failed_usage,
        coalesce(sum(total_usage) FILTER (WHERE status = 'filtered'), 0) AS filtered_usage,
        coalesce(sum(total_usage) FILTER (WHERE status = 'truncated'), 0) AS truncated_usage,
        coalesce(sum(native_tokens_completion) FILTER (WHERE status <> 'completed'), 0) AS tokens_completion
    FROM timed
    GROUP BY key
    HAVING count(*) FILTER (WHERE status <> 'completed') > 0
),

ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY total_usage DESC, key) > CAST($top AS BIGINT) AS is_rest
    FROM cells
),

kept AS (
    SELECT
        * REPLACE (CASE WHEN NOT coalesce(is_rest, false) THEN key END AS key),
        CASE WHEN is_rest THEN 1 ELSE 0 END AS part
    FROM ranked
),

added AS (
    SELECT
        CASE WHEN grouping(part) = 1 THEN 2 ELSE part END AS part,
        key,
        min(began) AS began,
        sum(request_count) AS request_count,
        sum(paid_count) AS paid_count,
        sum(total_usage) AS total_usage,
        sum(cancelled_usage) AS cancelled_usage,
        sum(failed_usage) AS failed_usage,
        sum(filtered_usage) AS filtered_usage,
        sum(truncated_usage) AS truncated_usage,
        sum(tokens_completion) AS tokens_completion
    FROM kept
    GROUP BY GROUPING SETS ((part, key), ())
),

final AS (
    SELECT
        part,
        began,
        CASE WHEN part = 1 THEN '(other)' ELSE key END AS key,
        CAST(coalesce(request_count, 0) AS BIGINT) AS request_count,
        CAST(coalesce(paid_count, 0) AS BIGINT) AS paid_count,
        CAST(coalesce(total_usage, 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(cancelled_usage, 0) AS DECIMAL(28, 12)) AS cancelled_usage,
        CAST(coalesce(failed_usage, 0) AS DECIMAL(28, 12)) AS failed_usage,
        CAST(coalesce(filtered_usage, 0) AS DECIMAL(28, 12)) AS filtered_usage,
        CAST(coalesce(truncated_usage, 0) AS DECIMAL(28, 12)) AS truncated_usage,
        CAST(coalesce(tokens_completion, 0) AS BIGINT) AS tokens_completion,
        CAST(coalesce(total_usage, 0) / (SELECT nullif(sum(total_usage), 0) FROM timed) AS DOUBLE) AS share_of_usage
    FROM added
)

SELECT * EXCLUDE (began) FROM final
ORDER BY part, CASE WHEN $by IN ('hour', 'day', 'week', 'month') THEN began END, total_usage DESC, key;
