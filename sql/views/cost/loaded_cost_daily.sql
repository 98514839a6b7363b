-- grain: one row per day (UTC) and currency of ops.rates
-- What each day really cost, in each currency: with fees, tax and markup. Every settled generation is in one row of each currency.
CREATE OR REPLACE VIEW main.loaded_cost_daily AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
),

-- include: day_rates

summed AS (
    SELECT
        cells.requested_day,
        day_rates.currency,
        any_value(day_rates.rate) AS rate,
        any_value(day_rates.purchase_fee) AS purchase_fee,
        any_value(day_rates.tax) AS tax,
        any_value(day_rates.markup) AS markup,
        -- include: loaded_sums
    FROM cells
    JOIN day_rates ON day_rates.requested_day IS NOT DISTINCT FROM cells.requested_day
    GROUP BY cells.requested_day, day_rates.currency
),

final AS (
    SELECT
        requested_day,
        currency,
        request_count,
        total_usage,
        unrated_usage,
        rate,
        purchase_fee,
        tax,
        markup,
        -- include: loaded_cost
        AS loaded_cost
    FROM summed
)

SELECT * FROM final;

COMMENT ON VIEW main.loaded_cost_daily IS 'One row per day (UTC) and currency: what it really cost, with the fees, tax, markup and exchange rate of ops.rates. Empty without rates. Made of ops.cost_rollup, as of the last publish.';
COMMENT ON COLUMN main.loaded_cost_daily.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN main.loaded_cost_daily.rate IS 'Units of the currency for one US dollar; NULL if the day has no rate. Unit: currency per USD.';
COMMENT ON COLUMN main.loaded_cost_daily.purchase_fee IS 'What buying credits costs on top. Unit: 0 to 1.';
COMMENT ON COLUMN main.loaded_cost_daily.tax IS 'Tax on top of that. Unit: 0 to 1.';
COMMENT ON COLUMN main.loaded_cost_daily.markup IS 'What is charged on top of all. Unit: share, 0 for none.';
-- include: loaded_comments relation=main.loaded_cost_daily
