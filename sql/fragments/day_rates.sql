-- CTEs: for each day and currency what a dollar of credits and of BYOK inference costs, loaded; NULL on days before the
-- first rate. The factors have up to 24 decimal places, more than can be multiplied with amounts at once. They are
-- divided into a part of nine places and the rest, which is below 0.000000001.

-- include: rate_factors

day_rates AS (
    SELECT
        days.requested_day,
        currencies.currency,
        factors.rate,
        factors.purchase_fee,
        factors.tax,
        factors.markup,
        factors.credits_high,
        factors.credits_factor - factors.credits_high AS credits_low,
        factors.byok_high,
        factors.byok_factor - factors.byok_high AS byok_low
    FROM (SELECT DISTINCT requested_day FROM ops.cost_rollup) AS days
    CROSS JOIN (SELECT DISTINCT currency FROM ops.rates) AS currencies
    LEFT JOIN factors
        ON factors.currency = currencies.currency
        AND days.requested_day >= factors.from_day
        AND days.requested_day < factors.next_day
),
