-- What a million input, cached and output tokens really cost per day, week or month, model and provider.
-- include: period_shifts

-- include: period_facts condition="facts.is_priced"

dated AS (
    SELECT
        *,
        CASE $by
            -- include: time_keys
        END AS key
    FROM timed
),

-- include: effective_prices period=key source=dated

SELECT
    0 AS part,
    *
FROM final
ORDER BY key, total_usage DESC, model, provider_name;
