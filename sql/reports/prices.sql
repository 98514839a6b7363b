-- What a million input, cached and output tokens really cost per day, week or month, model and provider.
-- include: period_shifts

-- include: period_facts condition="facts.is_priced"

dated AS (
    SELECT
        *,
        CASE $by_1
            -- include: time_dimensions
        END AS key_1
    FROM timed
),

-- include: effective_prices period=key_1 source=dated

SELECT
    0 AS part,
    *
FROM final
ORDER BY key_1, total_usage DESC, model, provider_name;
