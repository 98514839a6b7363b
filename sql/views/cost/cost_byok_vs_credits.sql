-- grain: one row per cost basis
-- Who was paid how: credits, your own keys (a fee here, the inference there), or nobody.
CREATE OR REPLACE VIEW main.cost_byok_vs_credits AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        cost_basis,
        -- include: cost_sums_of_facts
        -- include: cost_rates_of_facts
    FROM facts
    GROUP BY cost_basis
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_byok_vs_credits IS 'One row per cost basis: what was paid from credits, as BYOK fee and to providers directly. BYOK inference is an estimate at market rates. Every settled generation is in exactly one row.';
COMMENT ON COLUMN main.cost_byok_vs_credits.cost_basis IS 'Why the cost is what it is: credits, byok, byok_unknown, total_cost, free, response_cache or unknown, see generation_facts.';
-- include: cost_comments relation=main.cost_byok_vs_credits count=request_count
-- include: cost_rate_comments relation=main.cost_byok_vs_credits
-- include: day_range_comments relation=main.cost_byok_vs_credits
