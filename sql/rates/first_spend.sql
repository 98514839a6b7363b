-- The first day on which anything was spent; NULL if nothing was.
SELECT min(requested_day) AS first_day
FROM main.generation_facts
WHERE total_usage <> 0;
