-- All rates.
SELECT
    currency,
    from_day,
    rate,
    purchase_fee,
    tax,
    markup
FROM ops.rates
ORDER BY currency, from_day;
