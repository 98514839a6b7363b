-- Creates the list of applied migrations. It must exist before the first migration runs.
CREATE SCHEMA IF NOT EXISTS ops;

CREATE TABLE IF NOT EXISTS ops.migrations (
    number BIGINT,
    name VARCHAR,
    applied_at TIMESTAMP
);

COMMENT ON TABLE ops.migrations IS 'One row per applied migration; number 0 is the set of views in force.';
COMMENT ON COLUMN ops.migrations.number IS 'Number of the migration; 0 for the views.';
COMMENT ON COLUMN ops.migrations.name IS 'File of the migration, or digest of the views.';
COMMENT ON COLUMN ops.migrations.applied_at IS 'When it was applied. Unit: UTC.';
