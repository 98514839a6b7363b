-- The histograms of some weeks, or of all; weeks that are not known are always made anew.
DELETE FROM ops.latency_rollup
WHERE requested_week IS NULL
   OR $all
   OR list_contains(CAST($weeks AS DATE[]), requested_week);
