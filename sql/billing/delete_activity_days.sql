-- Deletes what ops.activity_days holds of an account's days that were asked again.
DELETE FROM ops.activity_days
WHERE account IS NOT DISTINCT FROM $account
  AND list_contains(CAST($days AS DATE[]), activity_day);
