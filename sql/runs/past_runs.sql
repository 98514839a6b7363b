-- All recorded runs, newest first.
SELECT * FROM ops.runs
ORDER BY started_at DESC;
