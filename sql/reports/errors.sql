-- How attempts of providers ended, by up to three dimensions; periods, parts and $top as in reports/cost.sql. One
-- generation can have several attempts.
-- include: period_shifts

attempts AS (
    SELECT * FROM main.provider_attempts
    -- include: without_doubles
),

-- include: teams

dated AS (
    SELECT
        attempts.*,
        attempts.requested_at + to_seconds(shifts.seconds) AS local_at,
        shifts.label
    FROM attempts
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
    FROM attempts
    JOIN main.generations AS legacy ON legacy.generation_id = attempts.generation_id
    WHERE attempts.requested_at IS NULL
      AND legacy.requested_at IS NULL
      AND ($whole OR legacy.requested_day BETWEEN $first_midnight AND $last_day)
),

-- With $joined, if a dimension is one of the generation, each attempt has the columns of its generation.
in_period AS (
    SELECT
        dated.*,
        facts.model AS answered_model,
        facts.app_id,
        facts.external_user,
        facts.session_id,
        facts.workspace_id,
        facts.api_key_name,
        facts.request_id,
        facts.log_fields,
        teams.team
    FROM dated
    LEFT JOIN main.generation_facts AS facts
        ON facts.generation_id = dated.generation_id
        AND $joined
    LEFT JOIN teams ON teams.generation_id = dated.generation_id
),

timed AS (
    SELECT * FROM in_period
    WHERE
        -- include: chosen dimensions=attempt_dimensions
),

cells AS (
    SELECT
        -- include: keys dimensions=attempt_dimensions
        min(coalesce(requested_at, local_at)) AS began,
        coalesce(sum(latency) FILTER (WHERE status IS NULL OR status NOT BETWEEN 200 AND 299), 0) AS failed_ms,
        -- include: attempt_counts
    FROM timed
    GROUP BY key_1, key_2, key_3
),

-- include: top_rows measure=attempt_count

added AS (
    SELECT
        -- include: summed_keys
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
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
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

-- include: key_order measure=attempt_count
