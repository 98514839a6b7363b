-- grain: one row per end user
-- What each end user cost over all of history; requests that named none share the row NULL.
CREATE OR REPLACE VIEW main.cost_by_user AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        external_user,
        -- include: cost_sums_of_facts
        -- include: cost_rates_of_facts
    FROM facts
    GROUP BY external_user
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_user IS 'One row per end user that you named in requests: what they cost over all of history. Every settled generation is in exactly one row.';
COMMENT ON COLUMN main.cost_by_user.external_user IS 'The end user you named in the requests; NULL where none was named.';
-- include: cost_comments relation=main.cost_by_user count=request_count
-- include: cost_rate_comments relation=main.cost_by_user
-- include: day_range_comments relation=main.cost_by_user
