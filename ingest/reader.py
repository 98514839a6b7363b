"""Read-only access to a warehouse: named queries, and a user's own SQL, which can do no harm."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from ingest import sql
from ingest.errors import UnexpectedInputError, UsageError
from ingest.storage import open_for_exporting, open_for_reading, storage_errors

_IN_POLARS = re.compile(
    r"VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*|DATE|TIME|TIMESTAMP.*"
)

_ROWS_AT_A_TIME = 2_000

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Reader:
    """A warehouse opened for reading; use it as a context manager.

    Args:
        path: The file.
        exports_to: A directory into which its rows may be copied; None if they may not.

    Raises:
        NoInputError: there is no such file.
        UnexpectedInputError: it is no warehouse of ours.
        TryAgainLaterError: a run is writing to it.
    """

    def __init__(self, path: Path, *, exports_to: Path | None = None) -> None:
        self._path = path
        self._connection = open_for_exporting(path, exports_to) if exports_to else open_for_reading(path)
        if not is_ours(self._connection):
            self._connection.close()
            raise not_ours(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def named(self, name: str, **parameters: str) -> pl.DataFrame:
        """The rows of a query in ``sql/queries``."""
        with storage_errors(self._path):
            return pl.DataFrame(self._connection.sql(sql.query(name), params=parameters))

    def run(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a statement of ours, as DuckDB gives them.

        Raises:
            duckdb.Error: it failed.
        """
        return self._connection.execute(statement, parameters).fetchall()

    def stream(self, statement: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        """The same, never all in memory; nothing else may be run before they end.

        Raises:
            duckdb.Error: it failed.
        """
        cursor = self._connection.execute(statement, parameters)
        while rows := cursor.fetchmany(_ROWS_AT_A_TIME):
            yield from rows

    def select(self, statement: str) -> pl.DataFrame:
        """The rows of a user's statement.

        Raises:
            UsageError: DuckDB cannot or will not run it, or it returns no rows.
        """
        try:
            relation = self._connection.sql(statement)
            if relation is not None:
                return pl.DataFrame(_framed(relation))
        except duckdb.Error as error:
            raise _refused(error) from None
        raise UsageError("the SQL returns no rows", cause="there is no statement in it", fix="see `orusage query -h`")

    def view(self, name: str) -> pl.DataFrame:
        """All rows of one view or table.

        Args:
            name: Such as ``cost_daily`` or ``ops.coverage``.

        Raises:
            UsageError: there is none of that name.
        """
        return self.named("all_rows", relation=self.known(name))

    def relations(self) -> pl.DataFrame:
        """Every relation: its name, whether it is a view, and what it holds."""
        return self.named("list_columns").select("relation", "kind", "meaning").unique(maintain_order=True)

    def columns_of(self, names: Sequence[str]) -> pl.DataFrame:
        """The columns of some relations: their types, meanings and units.

        Raises:
            UsageError: there is none of a name.
        """
        known = [self.known(name) for name in names]
        columns = self.named("list_columns").filter(pl.col("relation").is_in(known))
        return columns.select("relation", "column_name", "data_type", pl.col("column_meaning").alias("meaning"))

    def known(self, name: str) -> str:
        """A relation's name as `relations` has it.

        Raises:
            UsageError: there is none of that name.
        """
        relations = self.relations()["relation"].to_list()
        plain_name = name.removeprefix("main.")
        if plain_name in relations:
            return plain_name
        close = get_close_matches(plain_name, relations, n=1)
        raise UsageError(
            f"there is no view or table {name!a}",
            cause=f"the warehouse has {len(relations)} relations, none of that name",
            fix=f"did you mean {close[0]}?" if close else "see `orusage views`",
        )


def _framed(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows as a frame can hold them: types that polars has not as text, and each column under its own name."""
    names: dict[str, int] = {}
    columns = []
    for place, (name, kind) in enumerate(zip(relation.columns, relation.types, strict=True), start=1):
        value = f"#{place}" if _IN_POLARS.fullmatch(str(kind)) else f"CAST(#{place} AS VARCHAR)"
        while (names.setdefault(name, place)) != place:
            name += "_"  # noqa: PLW2901  # until it is new
        columns.append(f'{value} AS "{name.replace(chr(34), chr(34) * 2)}"')
    return relation.project(", ".join(columns))


def is_ours(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the open file is a warehouse of ours."""
    [(found,)] = connection.execute(sql.query("has_migrations_table")).fetchall()
    return bool(found)


def not_ours(path: Path) -> UnexpectedInputError:
    """The error for a DuckDB file of somebody else."""
    return UnexpectedInputError(
        f"{path} is not an orusage warehouse",
        cause="it is a DuckDB file without our ledger of migrations",
        fix="name another file with -w",
    )


def _refused(error: duckdb.Error) -> UsageError:
    kind, _, rest = str(error).partition(":")
    return UsageError(f"the SQL was refused: {kind}", cause=rest.strip(), fix="see `orusage views` for what there is")
