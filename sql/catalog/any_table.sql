-- Has a row if the file has a table or a view.
SELECT 1
FROM duckdb_columns()
WHERE database_name = current_database()
  AND NOT internal
LIMIT 1;
