-- The end of a report: rows, rest and total; dimensions of time in their own order, others in the given one.
SELECT * EXCLUDE (began) FROM final
ORDER BY part, CASE WHEN $by IN ('hour', 'day', 'week', 'month') THEN began END, {order}, key;
