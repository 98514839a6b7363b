-- Stores the record of a window that was asked about, or of a CSV that was read.
INSERT INTO ops.discoveries BY NAME
SELECT
    $source AS source,
    $account AS account,
    CAST($since AS TIMESTAMP) AS since,
    CAST($until AS TIMESTAMP) AS until,
    CAST($now AS TIMESTAMP) AS asked_at,
    $rows AS rows,
    $rows_without_id AS rows_without_id,
    $usage_without_id AS usage_without_id,
    $new_ids AS new_ids,
    $truncated AS truncated,
    $problem AS problem,
    $run_id AS run_id;
