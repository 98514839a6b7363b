-- Rebuilds the cost rollup of the deleted days from the facts. The range limits what is read of them.
INSERT INTO ops.cost_rollup BY NAME
SELECT * FROM ops.cost_cells
WHERE requested_day BETWEEN $low AND $high
  AND ($all OR list_contains(CAST($days AS DATE[]), requested_day))
UNION ALL
SELECT * FROM ops.cost_cells
WHERE requested_day IS NULL;
