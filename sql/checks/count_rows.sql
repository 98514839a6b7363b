-- The number of rows of each table, to compare a copy of the warehouse with its original.
SELECT 'main.generations' AS relation, count(*) AS rows_there FROM main.generations
UNION ALL
SELECT 'main.provider_attempts' AS relation, count(*) AS rows_there FROM main.provider_attempts
UNION ALL
SELECT 'main.generation_contents' AS relation, count(*) AS rows_there FROM main.generation_contents
UNION ALL
SELECT 'main.discovered_generations' AS relation, count(*) AS rows_there FROM main.discovered_generations
UNION ALL
SELECT 'ops.discoveries' AS relation, count(*) AS rows_there FROM ops.discoveries
UNION ALL
SELECT 'ops.work' AS relation, count(*) AS rows_there FROM ops.work
UNION ALL
SELECT 'ops.sources' AS relation, count(*) AS rows_there FROM ops.sources
UNION ALL
SELECT 'ops.runs' AS relation, count(*) AS rows_there FROM ops.runs
UNION ALL
SELECT 'ops.migrations' AS relation, count(*) AS rows_there FROM ops.migrations
UNION ALL
SELECT 'ops.last_commit' AS relation, number AS rows_there FROM ops.last_commit
ORDER BY relation;
