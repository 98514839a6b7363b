"""A user's own read-only SQL: all rows as a frame, or in batches that take little memory."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import polars as pl

from ingest.core.errors import UsageError
from ingest.warehouse.query_errors import mismatched, refused_sql
from ingest.warehouse.storage.connection import damage, is_damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingest.warehouse.interruptible import InterruptibleConnection

    Rows = tuple[list[str], Iterator[list[tuple[Any, ...]]]]
    """Column names, and the rows in batches."""

Value = TypeVar("Value")

AT_A_TIME = 10_000
"""Rows in memory while a result is streamed."""

_PLAIN = r"VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*|DATE|TIME|TIMESTAMP(_NS|_MS|_S)?"
_IN_PYTHON = re.compile(_PLAIN)
_NESTED = re.compile(r"^(STRUCT|MAP|UNION)\(|\]$")
_IN_POLARS = re.compile(rf"{_PLAIN}|TIMESTAMP.*")


class UserQuery:
    """One statement that returns rows, optionally after statements that return none.

    Args:
        connection: The warehouse, opened read-only.
        text: The SQL.
        parameters: Values for ``$NAME``, as text; DuckDB casts each to the type it is compared with.
        relations: Returns the names of all views and tables, for suggestions.

    Raises:
        UsageError: DuckDB refuses it, there is no statement or several that return rows, or the parameters differ from
            those of the SQL.
    """

    def __init__(
        self,
        connection: InterruptibleConnection,
        text: str,
        parameters: Mapping[str, str],
        relations: Callable[[], Sequence[str]],
    ) -> None:
        self._interruptible, self._connection = connection, connection.connection
        self._parameters, self._relations = parameters, relations
        statements = self._run_refusable(lambda: self._connection.extract_statements(text))
        if not statements:
            raise _no_rows("there is no statement in it")
        if error := mismatched({name for s in statements for name in s.named_parameters}, parameters):
            raise error
        *before, self._statement = statements
        if any(s.type == duckdb.StatementType.SELECT for s in before):
            raise UsageError(
                "there are several statements that return rows",
                cause="only the rows of the last one would be shown",
                fix="run them one by one",
            )
        for statement in before:
            self._run_refusable(partial(self._run, statement))

    def _run(self, statement: duckdb.Statement) -> None:
        self._connection.execute(statement, self._values(statement)).fetchall()

    def frame(self) -> pl.DataFrame:
        """All rows.

        Raises:
            UsageError: DuckDB refuses it, or it returns no rows.
        """
        return self._run_refusable(self._all)

    def stream(self) -> Rows:
        """All rows in batches, so that a result of any size takes little memory.

        Raises:
            UsageError: as above.
        """
        if not self._is_plain():
            frame = self.frame()
            return frame.columns, (part.rows() for part in frame.iter_slices(AT_A_TIME))
        result = self._run_refusable(lambda: self._connection.execute(self._statement, self._values(self._statement)))
        return _distinct([name for name, *_ in result.description or []]), self._batches()

    def _batches(self) -> Iterator[list[tuple[Any, ...]]]:
        while rows := self._run_refusable(lambda: self._connection.fetchmany(AT_A_TIME)):
            yield rows

    def _all(self) -> pl.DataFrame:
        own = self._values(self._statement)
        try:
            relation = self._connection.sql(self._statement, params=own or None)
            if relation is None:
                raise _no_rows("its last statement returns none")
            return pl.DataFrame(_framed(relation))
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            self._connection.execute(self._statement, own)  # the same error, with its position in the user's text
            while self._connection.fetchmany(AT_A_TIME):
                pass
            raise

    def _is_plain(self) -> bool:
        """Whether every column has a type that a Python value holds exactly."""
        if self._statement.type != duckdb.StatementType.SELECT:
            return False
        describe = f"DESCRIBE {self._statement.query}"
        try:
            columns = self._interruptible.run(
                lambda: self._connection.execute(describe, self._values(self._statement)).fetchall()
            )
        except duckdb.Error:  # such as DESCRIBE of a DESCRIBE
            return False
        return all(_IN_PYTHON.fullmatch(kind) for _, kind, *_ in columns)

    def _values(self, statement: duckdb.Statement) -> dict[str, str]:
        return {name: value for name, value in self._parameters.items() if name in statement.named_parameters}

    def _run_refusable(self, call: Callable[[], Value]) -> Value:
        """Run a call; a DuckDB error becomes an error about the SQL."""
        try:
            return self._interruptible.run(call)
        except duckdb.Error as error:
            with suppress(duckdb.Error):  # usually there is no transaction
                self._connection.rollback()  # else the connection refuses everything, also the query for suggestions
            if is_damage(error):
                raise damage(Path("the warehouse"), error) from error
            raise refused_sql(str(error), self._relations()) from None


def _framed(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation with columns that a frame can hold: other types as text, nested ones as JSON, unique names."""
    columns = []
    for place, (name, kind) in enumerate(zip(_distinct(relation.columns), relation.types, strict=True), start=1):
        columns.append(f'{_value(place, str(kind))} AS "{name.replace(chr(34), chr(34) * 2)}"')
    return relation.project(", ".join(columns))


def _value(place: int, kind: str) -> str:
    if _IN_POLARS.fullmatch(kind):
        return f"#{place}"
    return f"CAST(to_json(#{place}) AS VARCHAR)" if _NESTED.search(kind) else f"CAST(#{place} AS VARCHAR)"


def _distinct(names: Sequence[str]) -> list[str]:
    """The names made unique by appending underscores."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        while (places.setdefault(name, place)) != place:
            name += "_"  # noqa: PLW2901  # until it is unique
    return list(places)


def _no_rows(cause: str) -> UsageError:
    return UsageError("the SQL returns no rows", cause=cause, fix="see `orusage query -h`")
