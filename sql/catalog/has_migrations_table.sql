-- Whether the file is a warehouse of ours.
SELECT count(*) > 0
FROM duckdb_tables()
WHERE database_name = current_database()
  AND schema_name = 'ops'
  AND table_name = 'migrations';
