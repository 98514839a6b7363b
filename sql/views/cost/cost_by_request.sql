-- grain: one row per API request
-- What each API request cost: one may fan out into several generations. Generations that name none share the row NULL.
CREATE OR REPLACE VIEW main.cost_by_request AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        request_id,
        -- include: cost_sums_of_facts
        -- include: cost_rates_of_facts
    FROM facts
    GROUP BY request_id
)

SELECT * RENAME (request_count AS generation_count) FROM final;

COMMENT ON VIEW main.cost_by_request IS 'One row per API request, which may fan out into several generations: what it cost. Every settled generation is in exactly one row.';
COMMENT ON COLUMN main.cost_by_request.request_id IS 'API request; NULL where the answer named none.';
-- include: cost_comments relation=main.cost_by_request count=generation_count
-- include: cost_rate_comments relation=main.cost_by_request
-- include: day_range_comments relation=main.cost_by_request
