-- Whether the file is an orusage warehouse.
SELECT count(*) > 0
FROM duckdb_tables()
WHERE database_name = current_database()
  AND schema_name = 'ops'
  AND table_name = 'migrations';
