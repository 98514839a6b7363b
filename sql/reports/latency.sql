-- Latency percentiles by one dimension, computed from the generations of the period. Percentiles cannot be added up, so
-- there is neither a rest nor a total.
-- include: period_shifts

-- include: period_facts condition="facts.is_measured"

measured AS (
    SELECT
        CASE $by
            -- include: time_keys
            -- include: fact_keys
            WHEN 'length' THEN CASE
                WHEN native_tokens_completion >= 10001 THEN '10001-'
                WHEN native_tokens_completion >= 3001 THEN '3001-10000'
                WHEN native_tokens_completion >= 1001 THEN '1001-3000'
                WHEN native_tokens_completion >= 301 THEN '301-1000'
                WHEN native_tokens_completion >= 101 THEN '101-300'
                WHEN native_tokens_completion >= 11 THEN '11-100'
                WHEN native_tokens_completion >= 1 THEN '1-10'
            END
        END AS key,
        min(CASE
            WHEN $by = 'length' THEN native_tokens_completion
            ELSE epoch(coalesce(requested_at, local_at))
        END) AS place,
        CAST(count(*) AS BIGINT) AS request_count,
        -- include: latency_samples
        -- include: duration_samples
    FROM timed
    GROUP BY key
),

final AS (
    SELECT
        key,
        place,
        request_count,
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM measured
)

SELECT
    0 AS part,
    * EXCLUDE (place)
FROM final
ORDER BY CASE WHEN $by IN ('hour', 'day', 'week', 'month', 'length') THEN place END, request_count DESC, key;
