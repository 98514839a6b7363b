-- Both sides of some days by the label of the API key, the largest difference first.
SELECT
    api_key_label AS name,
    -- include: reconciled_sums
    CAST(sum(unlogged_requests) AS BIGINT) AS unlogged_requests,
    sum(unlogged_usage) AS unlogged_usage
FROM ops.reconciliation_keys
WHERE requested_day BETWEEN $first AND $last
GROUP BY api_key_label
ORDER BY abs(sum(missing_usage)) DESC NULLS LAST, sum(billed_usage) DESC NULLS LAST, name NULLS LAST;
