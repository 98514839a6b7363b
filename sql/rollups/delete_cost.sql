-- Deletes the cost rollup of some days, or of all. The rows without a day are always rebuilt.
DELETE FROM ops.cost_rollup
WHERE requested_day IS NULL
   OR $all
   OR list_contains(CAST($days AS DATE[]), requested_day);
