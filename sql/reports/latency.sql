-- Latency percentiles by up to three dimensions. Percentiles cannot be added up, so there is neither a rest nor a total.
-- With $ready, for all of history by model or by provider, they come from the histograms and are within 1 % of the exact
-- sample. Otherwise they are exact, computed from the generations of the period.
-- include: period_shifts

-- include: period_facts condition="facts.is_measured AND NOT $ready"

exact AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
        min(coalesce(requested_at, local_at)) AS began,
        CAST(count(*) AS BIGINT) AS request_count,
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM timed
    GROUP BY key_1, key_2, key_3
),

ready AS (
    SELECT
        model AS key_1,
        * EXCLUDE (model)
    FROM main.latency_by_model
    WHERE $ready
      AND $by_1 = 'model'
    UNION ALL
    SELECT
        provider_name AS key_1,
        * EXCLUDE (provider_name)
    FROM main.latency_by_provider
    WHERE $ready
      AND $by_1 = 'provider'
),

final AS (
    SELECT
        0 AS part,
        *
    FROM exact
    UNION ALL BY NAME
    SELECT
        0 AS part,
        *
    FROM ready
)

-- include: key_order measure=request_count
