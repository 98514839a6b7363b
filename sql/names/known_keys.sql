-- What tells which key a name means, of each key of an account; and whether these are all keys.
SELECT
    api_key_hash,
    name,
    label,
    workspace_id,
    created_at,
    (
        SELECT coalesce(bool_and(has_all_keys), FALSE) FROM ops.workspaces
        WHERE account IS NOT DISTINCT FROM $account AND is_listed
    ) AS is_whole
FROM ops.api_keys
WHERE account IS NOT DISTINCT FROM $account;
