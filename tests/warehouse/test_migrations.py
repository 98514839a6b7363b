"""The schema that the tests copy is the one that the migrations and views lay out."""

import re
from datetime import UTC, datetime

import duckdb
from support.ready_schema import ReadySchema, lay_out, write_ready_schema

WHEN = datetime(2026, 11, 20, tzinfo=UTC).replace(tzinfo=None)
WRITTEN = """
    SELECT 'schema', schema_name, '', comment, '' FROM duckdb_schemas() WHERE NOT internal
    UNION ALL SELECT 'table', schema_name, table_name, comment, sql FROM duckdb_tables()
    UNION ALL SELECT 'view', schema_name, view_name, comment, sql FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT 'column', schema_name, table_name || '.' || column_name, comment, data_type
        FROM duckdb_columns() WHERE NOT internal
    UNION ALL SELECT 'migration', name, CAST(number AS VARCHAR), '', CAST(applied_at AS VARCHAR) FROM ops.migrations
    ORDER BY ALL
"""


def written(path):
    """What the file holds. DuckDB writes the names after an EXCLUDE in any order, so that words are compared."""
    with duckdb.connect(path) as connection:
        return [(*row, sorted(re.findall(r"\w+", sql))) for *row, sql in connection.execute(WRITTEN).fetchall()]


def test_a_copied_schema_is_the_one_that_is_laid_out(tmp_path):
    copying = ReadySchema(write_ready_schema(tmp_path / "schema.duckdb"))
    paths = [tmp_path / "copied.duckdb", tmp_path / "laid_out.duckdb"]
    done = []
    for path, migrate in zip(paths, (copying.migrate, lay_out), strict=True):
        with duckdb.connect(path) as connection:
            done.append(migrate(connection, path, WHEN))
    assert done[0] == done[1]
    copied, laid_out = map(written, paths)
    assert copied == laid_out
    assert len(copied) > 800
