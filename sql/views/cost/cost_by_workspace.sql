-- grain: one row per workspace
-- What each workspace cost over all of history; generations without one share the row NULL.
CREATE OR REPLACE VIEW main.cost_by_workspace AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        workspace_id,
        -- include: cost_sums_of_facts
        -- include: cost_rates_of_facts
    FROM facts
    GROUP BY workspace_id
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_workspace IS 'One row per workspace: what it cost over all of history. Every settled generation is in exactly one row.';
COMMENT ON COLUMN main.cost_by_workspace.workspace_id IS 'Workspace; NULL for accounts without.';
-- include: cost_comments relation=main.cost_by_workspace count=request_count
-- include: cost_rate_comments relation=main.cost_by_workspace
-- include: day_range_comments relation=main.cost_by_workspace
