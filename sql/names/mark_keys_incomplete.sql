-- Marks that the keys of an account are not known to be all there are.
UPDATE ops.workspaces
SET has_all_keys = FALSE
WHERE account IS NOT DISTINCT FROM $account;
