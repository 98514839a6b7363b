-- The tables of the file, by the names under which `query_table` finds them.
SELECT schema_name || '.' || table_name AS relation
FROM duckdb_tables()
WHERE database_name = current_database()
  AND NOT internal
ORDER BY relation;
