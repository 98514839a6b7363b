-- Latency percentiles by one dimension. Percentiles cannot be added up, so there is neither a rest nor a total.
-- With $ready, for all of history by model or by provider, they come from the histograms and are within 1 % of the exact
-- sample. Otherwise they are exact, computed from the generations of the period.
-- include: period_shifts

-- include: period_facts condition="facts.is_measured AND NOT $ready"

exact AS (
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
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM timed
    GROUP BY key
),

final AS (
    SELECT * FROM exact
    UNION ALL BY NAME
    SELECT
        model AS key,
        * EXCLUDE (model)
    FROM main.latency_by_model
    WHERE $ready
      AND $by = 'model'
    UNION ALL BY NAME
    SELECT
        provider_name AS key,
        * EXCLUDE (provider_name)
    FROM main.latency_by_provider
    WHERE $ready
      AND $by = 'provider'
)

SELECT
    0 AS part,
    * EXCLUDE (place)
FROM final
ORDER BY CASE WHEN $by IN ('hour', 'day', 'week', 'month', 'length') THEN place END, request_count DESC, key;
