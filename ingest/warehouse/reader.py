"""Read-only access to a published warehouse: named queries, and a user's own SQL."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from ingest.core.errors import ConfigurationError, UsageError
from ingest.core.log_fields import FIELD
from ingest.core.suggestions import did_you_mean
from ingest.warehouse import sql_files
from ingest.warehouse.interruptible import InterruptibleConnection
from ingest.warehouse.newest_state import open_newest
from ingest.warehouse.storage.connection import is_ours, not_ours, open_for_exporting, storage_errors
from ingest.warehouse.user_query import UserQuery

_ROWS_AT_A_TIME = 2_000

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class Reader:
    """A warehouse opened for reading; use it as a context manager.

    While another program has the file open for writing, a copy of the newest state is read, and a warning says so.

    Args:
        path: The file.
        exports_to: A directory into which COPY may write; None: COPY is refused.
        bounded: Limit DuckDB's memory while exporting.

    Raises:
        NoInputError: there is no such file.
        UnexpectedInputError: it is no warehouse of ours.
        TryAgainLaterError: another program has it open for writing, and wrote while it was copied, or it is exported.
    """

    def __init__(self, path: Path, *, exports_to: Path | None = None, bounded: bool = True) -> None:
        self._path = path
        self._until_closed = ExitStack()
        try:
            self._connection = self._open(exports_to, bounded=bounded)
        except BaseException:
            self._until_closed.close()
            raise
        self._interruptible = InterruptibleConnection(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._interruptible.close()
        self._until_closed.close()

    def _open(self, exports_to: Path | None, *, bounded: bool) -> duckdb.DuckDBPyConnection:
        if exports_to is None:
            connection = open_newest(self._path, self._until_closed)
        else:
            connection = open_for_exporting(self._path, exports_to, bounded=bounded)
            self._until_closed.callback(connection.close)
        if not is_ours(connection):
            raise not_ours(self._path)
        return connection

    def named(self, name: str, **parameters: Any) -> pl.DataFrame:
        """The rows of a query in ``sql/``, such as ``reports/cost``.

        Raises:
            ConfigurationError: the warehouse was made by an older orusage and lacks a relation or column of the query.
            OrusageError: as `storage_errors` has it.
        """
        with storage_errors(self._path):
            try:
                return self._interruptible.run(
                    lambda: pl.DataFrame(self._connection.sql(sql_files.query(name), params=parameters))
                )
            except (duckdb.CatalogException, duckdb.BinderException) as error:
                raise _outdated(self._path, error) from None

    def run(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of an internal statement, as DuckDB returns them.

        Raises:
            duckdb.Error: it failed.
        """
        return self._interruptible.run(lambda: self._connection.execute(statement, parameters).fetchall())

    def stream(self, statement: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """The same in batches of 2,000 rows; no other statement may run before the last row.

        Raises:
            duckdb.Error: it failed.
        """
        self._interruptible.run(lambda: self._connection.execute(statement, parameters))
        while rows := self._interruptible.run(lambda: self._connection.fetchmany(_ROWS_AT_A_TIME)):
            yield from rows

    def query(self, text: str, parameters: Mapping[str, str] | None = None) -> UserQuery:
        """A user's own SQL.

        Raises:
            UsageError: see `UserQuery`.
        """
        return UserQuery(self._interruptible, text, parameters or {}, self._names)

    def view(self, name: str) -> pl.DataFrame:
        """All rows of one view or table.

        Args:
            name: Such as ``cost_daily`` or ``ops.coverage``.

        Raises:
            UsageError: there is no relation of that name.
        """
        return self.named("catalog/all_rows", relation=self.known(name))

    def relations(self) -> pl.DataFrame:
        """Every relation: its name, whether it is a table or a view, and its comment."""
        return self.named("catalog/list_columns").select("relation", "kind", "meaning").unique(maintain_order=True)

    def columns_of(self, names: Sequence[str]) -> pl.DataFrame:
        """The columns of some relations: their types, meanings and units.

        Raises:
            UsageError: there is no relation of one of the names.
        """
        known = [self.known(name) for name in names]
        columns = self.named("catalog/list_columns").filter(pl.col("relation").is_in(known))
        return columns.select("relation", "column_name", "data_type", pl.col("column_meaning").alias("meaning"))

    def known(self, name: str) -> str:
        """A relation's name as `relations` lists it.

        Raises:
            UsageError: there is no relation of that name.
        """
        relations = self._names()
        plain_name = name.removeprefix("main.")
        if plain_name in relations:
            return plain_name
        raise UsageError(
            f"there is no view or table {name!a}",
            cause=f"the warehouse has {len(relations)} relations, none of that name",
            fix=did_you_mean(plain_name, relations, "see `orusage views`"),
        )

    def require_fields(self, names: Sequence[str]) -> None:
        """Refuse fields that were kept with no ID. ``a.b`` is the field of this name, or b inside a kept a.

        Raises:
            UsageError: there is such a field.
        """
        known = self.named("catalog/kept_fields")["name"].to_list() if names else []
        for name in names:
            is_inside = name not in known and name.partition(".")[0] in known
            if not (name in known or (is_inside and self.named("catalog/has_field", field=f"{FIELD}{name}").item())):
                raise UsageError(
                    f"no ID has a kept field {name!a}",
                    cause=f"the kept fields are {', '.join(map(ascii, known))}" if known else "no field was kept",
                    fix=did_you_mean(name, known, "keep it with `orusage ingest --reread --keep-field NAME SOURCES`"),
                )

    def _names(self) -> list[str]:
        return self.relations()["relation"].to_list()


def _outdated(path: Path, error: duckdb.Error) -> ConfigurationError:
    return ConfigurationError(
        f"{path} was made by an older orusage",
        cause=str(error).partition("\n")[0],
        fix="run `orusage warehouse migrate`, or the next `orusage ingest`",
    )
