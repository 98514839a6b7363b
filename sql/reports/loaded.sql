-- Loaded costs in the currency $currency by up to three dimensions; periods, parts and $top as in reports/cost.sql. A day
-- is rated as a day in UTC.
-- include: period_shifts

-- include: period_facts condition=true

-- include: day_rates

rated AS (
    SELECT
        timed.*,
        1 AS request_count,
        day_rates.credits_high,
        day_rates.credits_low,
        day_rates.byok_high,
        day_rates.byok_low
    FROM timed
    LEFT JOIN day_rates
        ON day_rates.requested_day IS NOT DISTINCT FROM timed.requested_day
        AND day_rates.currency = $currency
),

cells AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
        -- include: loaded_sums
        min(coalesce(requested_at, local_at)) AS began
    FROM rated
    GROUP BY key_1, key_2, key_3
),

-- include: top_rows measure=total_usage

added AS (
    SELECT
        -- include: summed_keys
        sum(request_count) AS request_count,
        sum(total_usage) AS total_usage,
        sum(unrated_usage) AS unrated_usage,
        sum(high_part) AS high_part,
        sum(low_part) AS low_part
    FROM kept
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
        CAST(coalesce(request_count, 0) AS BIGINT) AS request_count,
        CAST(coalesce(total_usage, 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(unrated_usage, 0) AS DECIMAL(28, 12)) AS unrated_usage,
        -- include: loaded_cost
        AS loaded_cost
    FROM added
)

-- include: key_order measure=total_usage
