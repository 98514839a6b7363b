-- Deletes what was told before of the people of `incoming`, to be replaced.
DELETE FROM ops.people
WHERE account IS NOT DISTINCT FROM $account
  AND user_id IN (SELECT user_id FROM incoming);
