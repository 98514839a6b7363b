-- What a dollar of usage really costs: fees, taxes, markups and exchange rates that the user supplies.

CREATE TABLE ops.rates (
    currency VARCHAR,
    from_day DATE,
    rate DECIMAL(28,12),
    purchase_fee DECIMAL(18,12),
    tax DECIMAL(18,12),
    markup DECIMAL(18,12)
);

COMMENT ON TABLE ops.rates IS 'One row per currency and day from which on it holds, to the next one of the currency: how loaded costs are computed. Source: the file of orusage warehouse rates.';
COMMENT ON COLUMN ops.rates.currency IS 'Currency, such as EUR; USD has the rate 1.';
COMMENT ON COLUMN ops.rates.from_day IS 'First day on which it holds. Unit: UTC.';
COMMENT ON COLUMN ops.rates.rate IS 'Units of the currency for one US dollar. Unit: currency per USD.';
COMMENT ON COLUMN ops.rates.purchase_fee IS 'What buying credits costs on top; not for BYOK inference, which is not paid from credits. Unit: 0 to 1.';
COMMENT ON COLUMN ops.rates.tax IS 'Tax on top of that. Unit: 0 to 1.';
COMMENT ON COLUMN ops.rates.markup IS 'What is charged on top of all, such as for overheads. Unit: share, 0 for none.';
