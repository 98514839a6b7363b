-- The rollup of some days, or of all; days that are not known are always made anew.
DELETE FROM ops.cost_rollup
WHERE requested_day IS NULL
   OR $all
   OR list_contains(CAST($days AS DATE[]), requested_day);
