-- Deletes what was told before of the keys of `incoming`, to be replaced.
DELETE FROM ops.api_keys
WHERE account IS NOT DISTINCT FROM $account
  AND api_key_hash IN (SELECT api_key_hash FROM incoming);
