-- grain: one row per session
-- What each session cost; requests outside any session share the row NULL.
CREATE OR REPLACE VIEW main.cost_by_session AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        session_id,
        min(requested_at) AS first_requested_at,
        max(requested_at) AS last_requested_at,
        -- include: cost_sums_of_facts
        -- include: cost_rates_of_facts
    FROM facts
    GROUP BY session_id
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_session IS 'One row per session: what it cost. Every settled generation is in exactly one row.';
COMMENT ON COLUMN main.cost_by_session.session_id IS 'Session; NULL where none was named.';
COMMENT ON COLUMN main.cost_by_session.first_requested_at IS 'Its first request; NULL for legacy IDs. Unit: UTC.';
COMMENT ON COLUMN main.cost_by_session.last_requested_at IS 'Its last request. Unit: UTC.';
-- include: cost_comments relation=main.cost_by_session count=request_count
-- include: cost_rate_comments relation=main.cost_by_session
-- include: day_range_comments relation=main.cost_by_session
