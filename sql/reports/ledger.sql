-- The states of all IDs, by one dimension; periods, parts and $top as in reports/cost.sql. Of a legacy ID that is not
-- settled not even the day is known; it counts in all of history only.
WITH shifts AS (
    SELECT
        unnest(CAST($begins AS TIMESTAMP[])) AS begins,
        unnest(CAST($ends AS TIMESTAMP[])) AS ends,
        unnest(CAST($seconds AS BIGINT[])) AS seconds,
        unnest(CAST($labels AS VARCHAR[])) AS label
),

states AS (
    SELECT
        requested_at,
        CASE WHEN requested_at IS NULL THEN CAST(requested_day AS TIMESTAMP) END AS legacy_at,
        source,
        'settled' AS state,
        NULL AS reason
    FROM main.generations
    WHERE $whole
       OR (requested_at >= $since AND requested_at < $until)
       OR (requested_at IS NULL AND requested_day BETWEEN $first_midnight AND $last_day)
    UNION ALL
    SELECT
        requested_at,
        NULL AS legacy_at,
        source,
        state,
        reason
    FROM ops.work
    WHERE $whole
       OR (requested_at >= $since AND requested_at < $until)
),

timed AS (
    SELECT
        states.*,
        coalesce(states.requested_at + to_seconds(shifts.seconds), states.legacy_at) AS local_at,
        shifts.label
    FROM states
    LEFT JOIN shifts
        ON states.requested_at >= shifts.begins
        AND states.requested_at < shifts.ends
),

cells AS (
    SELECT
        CASE $by
            WHEN 'hour' THEN strftime(local_at, '%Y-%m-%dT%H:00') || label
            WHEN 'day' THEN strftime(local_at, '%Y-%m-%d')
            WHEN 'week' THEN strftime(date_trunc('week', local_at), '%Y-%m-%d')
            WHEN 'month' THEN strftime(local_at, '%Y-%m')
            WHEN 'source' THEN source
            WHEN 'state' THEN state
            WHEN 'reason' THEN reason
        END AS key,
        min(coalesce(requested_at, legacy_at)) AS began,
        min(requested_at) FILTER (WHERE state = 'pending') AS oldest_pending_at,
        max(requested_at) FILTER (WHERE state = 'settled') AS newest_settled_at,
        count(*) AS ids,
        count(*) FILTER (WHERE state = 'settled') AS settled,
        count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'dead') AS dead
    FROM timed
    GROUP BY key
),

ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY ids DESC, key) > CAST($top AS BIGINT) AS is_rest
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
        min(oldest_pending_at) AS oldest_pending_at,
        max(newest_settled_at) AS newest_settled_at,
        sum(ids) AS ids,
        sum(settled) AS settled,
        sum(pending) AS pending,
        sum(dead) AS dead
    FROM kept
    GROUP BY GROUPING SETS ((part, key), ())
),

final AS (
    SELECT
        part,
        began,
        CASE WHEN part = 1 THEN '(other)' ELSE key END AS key,
        CAST(coalesce(ids, 0) AS BIGINT) AS ids,
        CAST(coalesce(settled, 0) AS BIGINT) AS settled,
        CAST(coalesce(pending, 0) AS BIGINT) AS pending,
        CAST(coalesce(dead, 0) AS BIGINT) AS dead,
        oldest_pending_at,
        newest_settled_at
    FROM added
)

SELECT * EXCLUDE (began) FROM final
ORDER BY part, CASE WHEN $by IN ('hour', 'day', 'week', 'month') THEN began END, ids DESC, key;
