-- IDs of some days that the ledger holds and that are not settled: pending and dead ones, and those of them that are
-- certain to exist: the pending ones, and all that OpenRouter named.
SELECT
    count(*) FILTER (WHERE work.state = 'pending') AS pending,
    count(*) FILTER (WHERE work.state = 'dead') AS dead,
    count(*) FILTER (WHERE work.state = 'pending' OR told.generation_id IS NOT NULL) AS expected
FROM ops.work AS work
LEFT JOIN main.discovered_generations AS told
    ON told.generation_id = work.generation_id
WHERE CAST(work.requested_at AS DATE) BETWEEN $first AND $last;
