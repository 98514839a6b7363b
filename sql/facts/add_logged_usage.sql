-- Stores what a further line tells that settled generations cost.
UPDATE main.generations AS g
SET
    logged_usage = i.logged_usage,
    logged_byok_usage = i.logged_byok_usage
FROM incoming AS i
WHERE g.generation_id = i.generation_id
  AND g.requested_at BETWEEN $low AND $high;
