-- Generations of some days that only OpenRouter named and no log did, by the label of their key, the most first.
WITH discoveries AS (
    SELECT DISTINCT source FROM ops.discoveries
)

SELECT
    told.api_key_label,
    count(*) AS ids,
    count(*) FILTER (WHERE settled.generation_id IS NULL) AS unsettled,
    coalesce(sum(coalesce(settled.credits_usage, told.credits_usage)), 0) AS usage
FROM main.discovered_generations AS told
LEFT JOIN main.generation_facts AS settled
    ON settled.generation_id = told.generation_id
LEFT JOIN ops.work AS work
    ON work.generation_id = told.generation_id
WHERE told.requested_day BETWEEN $first AND $last
    AND coalesce(settled.source, work.source) IN (SELECT source FROM discoveries)
GROUP BY told.api_key_label
ORDER BY ids DESC, told.api_key_label NULLS LAST;
