-- Stores what a further line tells that work items cost.
UPDATE ops.work AS w
SET
    logged_usage = i.logged_usage,
    logged_byok_usage = i.logged_byok_usage
FROM incoming AS i
WHERE w.generation_id = i.generation_id
  AND w.requested_at BETWEEN $low AND $high;
