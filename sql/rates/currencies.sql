-- The currencies of which there are rates.
SELECT DISTINCT currency
FROM ops.rates
ORDER BY currency;
