-- How attempts of providers ended, by one dimension; periods, parts and $top as in reports/cost.sql. One generation can
-- have several attempts.
WITH shifts AS (
    SELECT
        unnest(CAST($begins AS TIMESTAMP[])) AS begins,
        unnest(CAST($ends AS TIMESTAMP[])) AS ends,
        unnest(CAST($seconds AS BIGINT[])) AS seconds,
        unnest(CAST($labels AS VARCHAR[])) AS label
),

timed AS (
    SELECT
        attempts.*,
        attempts.requested_at + to_seconds(shifts.seconds) AS local_at,
        shifts.label
    FROM main.provider_attempts AS attempts
    JOIN shifts
        ON attempts.requested_at >= shifts.begins
        AND attempts.requested_at < shifts.ends
    WHERE attempts.requested_at >= $since
      AND attempts.requested_at < $until
    UNION ALL
    SELECT
        attempts.*,
        CAST(legacy.requested_day AS TIMESTAMP) AS local_at,
        NULL AS label
    FROM main.provider_attempts AS attempts
    JOIN main.generations AS legacy ON legacy.generation_id = attempts.generation_id
    WHERE attempts.requested_at IS NULL
      AND legacy.requested_at IS NULL
      AND ($whole OR legacy.requested_day BETWEEN $first_midnight AND $last_day)
),

cells AS (
    SELECT
        CASE $by
            WHEN 'hour' THEN strftime(local_at, '%Y-%m-%dT%H:00') || label
            WHEN 'day' THEN strftime(local_at, '%Y-%m-%d')
            WHEN 'week' THEN strftime(date_trunc('week', local_at), '%Y-%m-%d')
            WHEN 'month' THEN strftime(local_at, '%Y-%m')
            WHEN 'provider' THEN provider_name
            WHEN 'model' THEN model_permaslug
            WHEN 'status' THEN CAST(status AS VARCHAR)
        END AS key,
        min(coalesce(requested_at, local_at)) AS began,
        count(*) AS attempt_count,
        count(*) FILTER (WHERE status BETWEEN 200 AND 299) AS success_count,
        count(*) FILTER (WHERE status = 429) AS throttled_count,
        count(*) FILTER (WHERE status IN (503, 529)) AS overloaded_count,
        count(*) FILTER (WHERE status >= 500 AND status NOT IN (503, 529)) AS server_error_count,
        count(*) FILTER (WHERE status < 200 OR status BETWEEN 300 AND 428 OR status BETWEEN 430 AND 499) AS other_error_count,
        count(*) FILTER (WHERE status IS NULL) AS unknown_count,
        count(*) FILTER (WHERE attempt > 1) AS fallback_count,
        coalesce(sum(latency) FILTER (WHERE status IS NULL OR status NOT BETWEEN 200 AND 299), 0) AS failed_ms
    FROM timed
    GROUP BY key
),

ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY attempt_count DESC, key) > CAST($top AS BIGINT) AS is_rest
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
        sum(attempt_count) AS attempt_count,
        sum(success_count) AS success_count,
        sum(throttled_count) AS throttled_count,
        sum(overloaded_count) AS overloaded_count,
        sum(server_error_count) AS server_error_count,
        sum(other_error_count) AS other_error_count,
        sum(unknown_count) AS unknown_count,
        sum(fallback_count) AS fallback_count,
        sum(failed_ms) AS failed_ms
    FROM kept
    GROUP BY GROUPING SETS ((part, key), ())
),

final AS (
    SELECT
        part,
        began,
        CASE WHEN part = 1 THEN '(other)' ELSE key END AS key,
        CAST(coalesce(attempt_count, 0) AS BIGINT) AS attempt_count,
        CAST(coalesce(success_count, 0) AS BIGINT) AS success_count,
        CAST(coalesce(throttled_count, 0) AS BIGINT) AS throttled_count,
        CAST(coalesce(overloaded_count, 0) AS BIGINT) AS overloaded_count,
        CAST(coalesce(server_error_count, 0) AS BIGINT) AS server_error_count,
        CAST(coalesce(other_error_count, 0) AS BIGINT) AS other_error_count,
        CAST(coalesce(unknown_count, 0) AS BIGINT) AS unknown_count,
        CAST(coalesce(fallback_count, 0) AS BIGINT) AS fallback_count,
        CAST(coalesce(failed_ms, 0) AS DOUBLE) AS failed_ms,
        CAST((throttled_count + overloaded_count + server_error_count + other_error_count)
            / nullif(attempt_count - unknown_count, 0) AS DOUBLE) AS error_rate,
        CAST(fallback_count / nullif(attempt_count, 0) AS DOUBLE) AS fallback_rate
    FROM added
)

SELECT * EXCLUDE (began) FROM final
ORDER BY part, CASE WHEN $by IN ('hour', 'day', 'week', 'month') THEN began END, attempt_count DESC, key;
