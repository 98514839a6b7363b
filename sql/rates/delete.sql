-- Deletes all rates, before others replace them.
DELETE FROM ops.rates;
