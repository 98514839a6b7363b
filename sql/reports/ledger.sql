-- The states of all IDs, by up to three dimensions; periods, parts and $top as in reports/cost.sql. Of a legacy ID that is
-- not settled not even the day is known; it counts in all of history only.
-- include: period_shifts

states AS (
    SELECT
        requested_at,
        CASE WHEN requested_at IS NULL THEN CAST(requested_day AS TIMESTAMP) END AS legacy_at,
        source,
        'settled' AS state,
        NULL AS reason,
        log_fields
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
        reason,
        log_fields
    FROM ops.work
    WHERE $whole
       OR (requested_at >= $since AND requested_at < $until)
),

in_period AS (
    SELECT
        states.*,
        coalesce(states.requested_at + to_seconds(shifts.seconds), states.legacy_at) AS local_at,
        shifts.label
    FROM states
    LEFT JOIN shifts
        ON states.requested_at >= shifts.begins
        AND states.requested_at < shifts.ends
),

timed AS (
    SELECT * FROM in_period
    WHERE
        -- include: chosen dimensions=ledger_dimensions
),

cells AS (
    SELECT
        -- include: keys dimensions=ledger_dimensions
        min(coalesce(requested_at, legacy_at)) AS began,
        min(requested_at) FILTER (WHERE state = 'pending') AS oldest_pending_at,
        max(requested_at) FILTER (WHERE state = 'settled') AS newest_settled_at,
        count(*) AS ids,
        count(*) FILTER (WHERE state = 'settled') AS settled,
        count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'dead') AS dead
    FROM timed
    GROUP BY key_1, key_2, key_3
),

-- include: top_rows measure=ids

added AS (
    SELECT
        -- include: summed_keys
        min(oldest_pending_at) AS oldest_pending_at,
        max(newest_settled_at) AS newest_settled_at,
        sum(ids) AS ids,
        sum(settled) AS settled,
        sum(pending) AS pending,
        sum(dead) AS dead
    FROM kept
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
        CAST(coalesce(ids, 0) AS BIGINT) AS ids,
        CAST(coalesce(settled, 0) AS BIGINT) AS settled,
        CAST(coalesce(pending, 0) AS BIGINT) AS pending,
        CAST(coalesce(dead, 0) AS BIGINT) AS dead,
        oldest_pending_at,
        newest_settled_at
    FROM added
)

-- include: key_order measure=ids
