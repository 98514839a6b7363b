-- CTEs: the rates with the day on which each ends, and with the products of their parts, which are exact.
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
