-- The windows that Analytics was asked about for an account ($account, NULL without accounts), and when.
SELECT
    since,
    until,
    asked_at
FROM ops.discoveries
WHERE source = $source AND account IS NOT DISTINCT FROM $account AND since IS NOT NULL;
