-- The totals of some days.
SELECT * FROM ops.reconciliation_days
WHERE requested_day BETWEEN $first AND $last
ORDER BY requested_day;
