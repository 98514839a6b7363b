"""Whether a database can be read whole: DuckDB notices a changed byte only when it reads the block that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from ingest.warehouse import sql_files
from ingest.warehouse.storage.connection import DamagedError, damage, open_for_reading

if TYPE_CHECKING:
    from pathlib import Path

_HEADERS = 3 * 4096
"""Bytes before the first block."""


def require_sound(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Read every column of every table, and compare the file's size with the number of its blocks.

    Args:
        connection: The open database.
        path: Its file.

    Returns:
        How many tables were read.

    Raises:
        DamagedError: something cannot be read, or the file is shorter than its blocks.
        OrusageError: as `storage_errors` says.
    """
    try:
        tables = connection.execute(sql_files.query("storage/list_tables")).fetchall()
        for (relation,) in tables:
            connection.execute(sql_files.query("storage/read_table"), {"relation": relation}).fetchall()
        [(blocks, size)] = connection.execute(sql_files.query("storage/count_blocks")).fetchall()
    except duckdb.Error as error:
        raise damage(path, error) from error
    needed, found = _HEADERS + blocks * size, path.stat().st_size
    if blocks and found < needed:
        raise DamagedError(
            f"{path} is damaged",
            cause=f"it has {found:,} bytes, and its {blocks:,} blocks take {needed:,}",
            fix="restore it from a copy",
        )
    return len(tables)


def require_sound_file(path: Path) -> None:
    """The same for a file that is not open. Raises as `require_sound`."""
    with open_for_reading(path) as connection:
        require_sound(connection, path)
