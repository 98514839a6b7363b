-- Deletes what ops.analytics_keys holds of an account's days that were asked again.
DELETE FROM ops.analytics_keys
WHERE account IS NOT DISTINCT FROM $account
  AND list_contains(CAST($days AS DATE[]), usage_day);
