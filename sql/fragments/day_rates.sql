-- CTEs: for each day and currency what a dollar of credits and of BYOK inference costs, loaded; NULL on days before the
-- first rate. The factors have up to 24 decimal places, more than can be multiplied with amounts at once. They are
-- divided into a part of nine places and the rest, which is below 0.000000001.

spans AS (
    SELECT
        *,
        lead(from_day, 1, DATE '9999-12-31') OVER (PARTITION BY currency ORDER BY from_day) AS next_day,
        CAST(rate AS DECIMAL(15, 9))
            * (CAST(1 + tax AS DECIMAL(6, 5)) * CAST(1 + markup AS DECIMAL(7, 5))) AS byok_product
    FROM ops.rates
),

products AS (
    SELECT
        *,
        CAST(byok_product AS DECIMAL(32, 24)) AS byok_factor,
        CAST(CAST(byok_product AS DECIMAL(28, 19)) * CAST(1 + purchase_fee AS DECIMAL(6, 5)) AS DECIMAL(32, 24)) AS credits_factor
    FROM spans
),

factors AS (
    SELECT
        *,
        CAST(credits_factor - 0.0000000005 AS DECIMAL(17, 9)) AS credits_high,
        CAST(byok_factor - 0.0000000005 AS DECIMAL(17, 9)) AS byok_high
    FROM products
),

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
