-- Deletes what ops.analytics_days holds of an account's days that were asked again.
DELETE FROM ops.analytics_days
WHERE account IS NOT DISTINCT FROM $account
  AND list_contains(CAST($days AS DATE[]), usage_day);
