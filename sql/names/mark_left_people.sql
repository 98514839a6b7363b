-- Marks the people of an account that its whole list has no more: those it was not told just now.
UPDATE ops.people
SET is_listed = FALSE
WHERE account IS NOT DISTINCT FROM $account
  AND is_listed
  AND fetched_at < CAST($now AS TIMESTAMP);
