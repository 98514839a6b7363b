-- grain: one row per user and currency of ops.rates
-- What each user really cost, in each currency: with fees, tax and markup. Every settled generation is in one row of each currency.
CREATE OR REPLACE VIEW main.loaded_cost_by_user AS
WITH cells AS (
    SELECT
        requested_day,
        external_user,
        count(*) AS request_count,
        sum(total_usage) AS total_usage,
        sum(credits_usage) AS credits_usage,
        sum(byok_usage) AS byok_usage
    FROM main.generation_facts
    GROUP BY requested_day, external_user
),

-- include: day_rates

-- include: loaded_cost_by dimension=external_user

SELECT * FROM final;

COMMENT ON VIEW main.loaded_cost_by_user IS 'One row per user and currency: what it really cost, with the fees, tax, markup and exchange rate of ops.rates. Empty without rates.';
COMMENT ON COLUMN main.loaded_cost_by_user.external_user IS 'The end user you named in the requests; NULL where none was named.';
-- include: loaded_comments relation=main.loaded_cost_by_user
