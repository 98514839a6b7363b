-- The schema's number, and what DuckDB wrote the file with.
SELECT
    (SELECT max(number) FROM ops.migrations) AS schema_number,
    (SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()) AS storage_version;
