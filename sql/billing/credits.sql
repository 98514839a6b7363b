-- The pairs of snapshots of the credits that lie in some days, added up by account.
SELECT
    account,
    min(since_at) AS since_at,
    max(until_at) AS until_at,
    sum(billed_usage) AS billed_usage,
    sum(credits_usage) AS credits_usage,
    sum(missing_usage) AS missing_usage
FROM ops.reconciliation_credits
WHERE CAST(since_at AS DATE) >= $first
    AND CAST(until_at AS DATE) <= $last + 1
GROUP BY account
ORDER BY account NULLS FIRST;
