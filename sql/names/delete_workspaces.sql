-- Deletes what was told before of the workspaces of `incoming`, to be replaced.
DELETE FROM ops.workspaces
WHERE account IS NOT DISTINCT FROM $account
  AND coalesce(workspace_id, '') IN (SELECT coalesce(workspace_id, '') FROM incoming);
