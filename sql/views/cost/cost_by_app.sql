-- grain: one row per app
-- What each app cost over all of history; requests that named no app share the row NULL.
CREATE OR REPLACE VIEW main.cost_by_app AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        app_id,
        max(origin) AS origin,
        -- include: cost_sums_of_facts
        -- include: cost_rates_of_facts
    FROM facts
    GROUP BY app_id
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_app IS 'One row per app: what it cost over all of history. Every settled generation is in exactly one row.';
COMMENT ON COLUMN main.cost_by_app.app_id IS 'App that made the requests, OpenRouter''s number; NULL where none was named.';
COMMENT ON COLUMN main.cost_by_app.origin IS 'An origin URL it was seen with; NULL or empty if none.';
-- include: cost_comments relation=main.cost_by_app count=request_count
-- include: cost_rate_comments relation=main.cost_by_app
-- include: day_range_comments relation=main.cost_by_app
