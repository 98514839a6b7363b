-- grain: one row per model and currency of ops.rates
-- What each model really cost, in each currency: with fees, tax and markup. Every settled generation is in one row of each currency.
CREATE OR REPLACE VIEW main.loaded_cost_by_model AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
),

-- include: day_rates

-- include: loaded_cost_by dimension=model

SELECT * FROM final;

COMMENT ON VIEW main.loaded_cost_by_model IS 'One row per model and currency: what it really cost, with the fees, tax, markup and exchange rate of ops.rates. Empty without rates. Made of ops.cost_rollup, as of the last publish.';
COMMENT ON COLUMN main.loaded_cost_by_model.model IS 'Model that answered; NULL where the answer named none.';
-- include: loaded_comments relation=main.loaded_cost_by_model
