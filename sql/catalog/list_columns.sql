-- One row per column of every table and view, with types and comments. Names of relations in the schema ops include the
-- schema.
SELECT
    CASE WHEN c.schema_name = 'main' THEN c.table_name ELSE c.schema_name || '.' || c.table_name END AS relation,
    CASE WHEN v.view_name IS NULL THEN 'table' ELSE 'view' END AS kind,
    coalesce(v.comment, t.comment) AS meaning,
    c.column_name,
    c.data_type,
    c.comment AS column_meaning
FROM duckdb_columns() AS c
LEFT JOIN duckdb_views() AS v
    ON v.database_name = c.database_name AND v.schema_name = c.schema_name AND v.view_name = c.table_name
LEFT JOIN duckdb_tables() AS t
    ON t.database_name = c.database_name AND t.schema_name = c.schema_name AND t.table_name = c.table_name
WHERE c.database_name = current_database()
  AND c.schema_name IN ('main', 'ops')
  AND NOT c.internal
  AND (v.view_name IS NOT NULL OR t.table_name IS NOT NULL)
ORDER BY kind DESC, c.schema_name, c.table_name, c.column_index;
