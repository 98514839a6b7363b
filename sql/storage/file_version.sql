-- The number of the schema, and the storage version of the file.
SELECT
    (SELECT max(number) FROM ops.migrations) AS schema_number,
    (
        SELECT tags['storage_version'] FROM duckdb_databases()
        WHERE database_name = current_database()
    ) AS storage_version;
