-- The cost of requests whose completion is missing or incomplete, by up to three dimensions; periods, parts and $top as
-- in reports/cost.sql.
-- include: period_shifts

-- include: period_facts condition=true

cells AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
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
    GROUP BY key_1, key_2, key_3
    HAVING count(*) FILTER (WHERE status <> 'completed') > 0
),

-- include: top_rows measure=total_usage

added AS (
    SELECT
        -- include: summed_keys
        sum(request_count) AS request_count,
        sum(paid_count) AS paid_count,
        sum(total_usage) AS total_usage,
        sum(cancelled_usage) AS cancelled_usage,
        sum(failed_usage) AS failed_usage,
        sum(filtered_usage) AS filtered_usage,
        sum(truncated_usage) AS truncated_usage,
        sum(tokens_completion) AS tokens_completion
    FROM kept
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
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

-- include: key_order measure=total_usage
