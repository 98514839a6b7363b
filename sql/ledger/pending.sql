-- What is pending, by the reason of the last outcome: how many IDs are due, and when the first of the others is.
SELECT
    reason,
    count(*) AS ids,
    count(*) FILTER (WHERE coalesce(not_before, $now) <= $now) AS due,
    min(not_before) FILTER (WHERE not_before > $now) AS next_due_at
FROM ops.work
WHERE state = 'pending'
GROUP BY reason
ORDER BY ids DESC, reason NULLS LAST;
