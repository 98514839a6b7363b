-- Comments on the loaded cost and what stands beside it.
COMMENT ON COLUMN {relation}.currency IS 'Currency of loaded_cost, see ops.rates.';
COMMENT ON COLUMN {relation}.request_count IS 'Generations. Unit: generations.';
COMMENT ON COLUMN {relation}.total_usage IS 'What they cost in all, before fees, tax and markup. Unit: USD.';
COMMENT ON COLUMN {relation}.unrated_usage IS 'The part of total_usage on days without a rate, which loaded_cost lacks. Unit: USD.';
COMMENT ON COLUMN {relation}.loaded_cost IS 'What they really cost: credits_usage * (1 + purchase_fee) * (1 + tax) * (1 + markup) * rate, and for BYOK inference the same without purchase_fee; rounded once; NULL if no day has a rate. Unit: the currency.';
