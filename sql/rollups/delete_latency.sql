-- Deletes the latency histograms of some weeks, or of all. The rows without a week are always rebuilt.
DELETE FROM ops.latency_rollup
WHERE requested_week IS NULL
   OR $all
   OR list_contains(CAST($weeks AS DATE[]), requested_week);
