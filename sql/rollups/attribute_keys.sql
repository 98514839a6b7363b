-- Tells generations of some days, or of all, which API key made them: the name that discovery told, and the hash where one
-- key alone can have made them. That is a key of this name, made before the request, of the generation's workspace if
-- that is told; and only if the list of keys came whole. A hash that was certain stays when the key is renamed.
UPDATE main.generations AS facts
SET
    api_key_hash = found.api_key_hash,
    api_key_label = found.api_key_label
FROM (
    WITH told AS (
        SELECT
            discovered.generation_id,
            discovered.requested_at,
            discovered.account,
            discovered.api_key_label AS told_label,
            discovered.api_key_hash AS told_hash,
            generations.workspace_id,
            generations.api_key_hash AS stored_hash,
            generations.api_key_label AS stored_label
        FROM main.discovered_generations AS discovered
        JOIN main.generations AS generations
            ON generations.generation_id = discovered.generation_id
            AND generations.requested_at IS NOT DISTINCT FROM discovered.requested_at
        WHERE (
                discovered.requested_day IS NULL
                OR $all
                OR (
                    discovered.requested_day BETWEEN $low AND $high
                    AND list_contains(CAST($days AS DATE[]), discovered.requested_day)
                )
            )
          AND coalesce(discovered.api_key_label, discovered.api_key_hash) IS NOT NULL
    ),

    keys AS (
        SELECT account, api_key_hash, workspace_id, created_at, name AS known_as
        FROM ops.api_keys
        UNION
        SELECT account, api_key_hash, workspace_id, created_at, label
        FROM ops.api_keys
    ),

    names AS (
        SELECT account, api_key_hash, any_value(name) AS name
        FROM ops.api_keys
        GROUP BY account, api_key_hash
    ),

    accounts AS (
        SELECT account, bool_and(has_all_keys) AS is_whole
        FROM ops.workspaces
        WHERE is_listed
        GROUP BY account
    ),

    candidates AS (
        SELECT
            told.generation_id,
            told.requested_at,
            count(DISTINCT keys.api_key_hash) AS candidate_count,
            min(keys.api_key_hash) AS api_key_hash
        FROM told
        JOIN keys
            ON keys.known_as = told.told_label
            AND keys.account IS NOT DISTINCT FROM told.account
        WHERE (keys.workspace_id = told.workspace_id) IS DISTINCT FROM FALSE
          AND (keys.created_at <= told.requested_at) IS DISTINCT FROM FALSE
        GROUP BY told.generation_id, told.requested_at
    ),

    certain AS (
        SELECT
            told.*,
            coalesce(
                told.told_hash,
                CASE
                    WHEN accounts.is_whole AND candidates.candidate_count = 1 THEN candidates.api_key_hash
                    WHEN accounts.is_whole AND candidates.candidate_count > 1 THEN NULL
                    ELSE told.stored_hash
                END
            ) AS api_key_hash
        FROM told
        LEFT JOIN candidates
            ON candidates.generation_id = told.generation_id
            AND candidates.requested_at IS NOT DISTINCT FROM told.requested_at
        LEFT JOIN accounts
            ON accounts.account IS NOT DISTINCT FROM told.account
    )

    SELECT
        certain.generation_id,
        certain.requested_at,
        certain.api_key_hash,
        coalesce(names.name, certain.told_label) AS api_key_label
    FROM certain
    LEFT JOIN names
        ON names.api_key_hash = certain.api_key_hash
        AND names.account IS NOT DISTINCT FROM certain.account
    WHERE certain.stored_hash IS DISTINCT FROM certain.api_key_hash
       OR certain.stored_label IS DISTINCT FROM coalesce(names.name, certain.told_label)
) AS found
WHERE facts.generation_id = found.generation_id
  AND facts.requested_at IS NOT DISTINCT FROM found.requested_at;
