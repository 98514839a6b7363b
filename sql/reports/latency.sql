-- Latency percentiles by up to three dimensions, computed from the generations of the period. Percentiles cannot be added
-- up, so there is neither a rest nor a total.
-- include: period_shifts

-- include: period_facts condition="facts.is_measured"

measured AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
        min(coalesce(requested_at, local_at)) AS began,
        CAST(count(*) AS BIGINT) AS request_count,
        -- include: latency_samples
        -- include: duration_samples
    FROM timed
    GROUP BY key_1, key_2, key_3
),

final AS (
    SELECT
        0 AS part,
        key_1,
        key_2,
        key_3,
        began,
        request_count,
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM measured
)

-- include: key_order measure=request_count
