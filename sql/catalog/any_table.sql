-- A table or view of somebody's, if the file has any.
SELECT 1
FROM duckdb_columns()
WHERE database_name = current_database()
  AND NOT internal
LIMIT 1;
