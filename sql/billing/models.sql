-- Both sides of the days that Activity answered for, by model: what the verdict is made of.
SELECT
    model,
    -- include: reconciled_sums
    sum(midnight_usage) AS midnight_usage,
    CAST(sum(midnight_requests) AS BIGINT) AS midnight_requests
FROM ops.reconciliation
WHERE requested_day BETWEEN $first AND $last
    AND fetched_at IS NOT NULL
GROUP BY model
ORDER BY model NULLS LAST;
