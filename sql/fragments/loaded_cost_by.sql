-- CTEs: the loaded cost of the CTE cells, by a dimension and currency.
summed AS (
    SELECT
        cells.{dimension},
        day_rates.currency,
        -- include: loaded_sums
    FROM cells
    JOIN day_rates ON day_rates.requested_day IS NOT DISTINCT FROM cells.requested_day
    GROUP BY cells.{dimension}, day_rates.currency
),

final AS (
    SELECT
        {dimension},
        currency,
        request_count,
        total_usage,
        unrated_usage,
        -- include: loaded_cost
        AS loaded_cost
    FROM summed
)
