-- grain: one row per API key
-- What each API key cost over all of history. A key is told by its hash; where that is not certain, by its name, which
-- several keys may share; where neither is known, by the number that some answers tell; the rest share a row.
CREATE OR REPLACE VIEW main.cost_by_key AS
WITH facts AS (
    SELECT
        * REPLACE (
            CASE WHEN api_key_hash IS NULL THEN api_key_label END AS api_key_label,
            CASE WHEN coalesce(api_key_hash, api_key_label) IS NULL THEN api_key_id END AS api_key_id
        ),
        api_key_label AS told_label
    FROM main.generation_facts
),

keys AS (
    SELECT
        api_key_hash,
        arg_max(name, fetched_at) AS name,
        arg_max(workspace_id, fetched_at) AS workspace_id,
        arg_max(creator_user_id, fetched_at) AS creator_user_id,
        bool_or(is_listed) AS is_listed
    FROM ops.api_keys
    GROUP BY api_key_hash
),

workspaces AS (
    SELECT workspace_id, arg_max(name, fetched_at) AS name
    FROM ops.workspaces
    GROUP BY workspace_id
),

people AS (
    SELECT user_id, arg_max(name, fetched_at) AS name
    FROM ops.people
    GROUP BY user_id
),

added AS (
    SELECT
        api_key_hash,
        api_key_label,
        api_key_id,
        max(told_label) AS told_label,
        -- include: cost_sums_of_facts
        -- include: cost_rates_of_facts
    FROM facts
    GROUP BY api_key_hash, api_key_label, api_key_id
),

final AS (
    SELECT
        added.api_key_hash,
        coalesce(keys.name, added.told_label) AS api_key_label,
        added.api_key_id,
        keys.workspace_id,
        workspaces.name AS workspace_name,
        people.name AS creator_name,
        keys.is_listed,
        added.* EXCLUDE (api_key_hash, api_key_label, api_key_id, told_label)
    FROM added
    LEFT JOIN keys ON keys.api_key_hash = added.api_key_hash
    LEFT JOIN workspaces ON workspaces.workspace_id = keys.workspace_id
    LEFT JOIN people ON people.user_id = keys.creator_user_id
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_key IS 'One row per API key: what it cost over all of history. Every settled generation is in exactly one row. What is not known of a key is NULL.';
COMMENT ON COLUMN main.cost_by_key.api_key_hash IS 'Hash of the API key; NULL where only its name or number is known, or nothing.';
COMMENT ON COLUMN main.cost_by_key.api_key_label IS 'Name of the API key; without a hash, a name that several keys may share.';
COMMENT ON COLUMN main.cost_by_key.api_key_id IS 'Number of the API key, where neither hash nor name is known and the answers tell it.';
COMMENT ON COLUMN main.cost_by_key.workspace_id IS 'Workspace of the API key.';
COMMENT ON COLUMN main.cost_by_key.workspace_name IS 'Name of that workspace.';
COMMENT ON COLUMN main.cost_by_key.creator_name IS 'Who made the API key.';
COMMENT ON COLUMN main.cost_by_key.is_listed IS 'FALSE if the API key was deleted; NULL without a hash.';
-- include: cost_comments relation=main.cost_by_key count=request_count
-- include: cost_rate_comments relation=main.cost_by_key
-- include: day_range_comments relation=main.cost_by_key
