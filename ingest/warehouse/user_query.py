"""A user's own read-only SQL: its rows, exactly as DuckDB has them, in batches that take little memory."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

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

_NESTED = re.compile(r"^(STRUCT|MAP|UNION)\(|\]$")
_PLAIN = re.compile(r"VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|DECIMAL.*|TIME")
"""Types whose Python values are exact: DuckDB gives ``TIME '24:00:00'``, which Python lacks, as text."""
_DATED = re.compile(r"DATE|TIMESTAMP")
_OTHER_TIMES = {"TIME_NS": "TIME", "TIMESTAMP_NS": "TIMESTAMP", "TIMESTAMP_MS": "TIMESTAMP", "TIMESTAMP_S": "TIMESTAMP"}
"""Types of other precision, and the type that holds most of their values."""


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

    def stream(self) -> Rows:
        """All rows in batches, so that a result of any size takes little memory.

        Values of types that Python lacks are text as DuckDB writes it, nested ones JSON. So are values beyond Python's
        range: infinite times, years beyond 9999, nanoseconds.

        Raises:
            UsageError: DuckDB refuses it, or it returns no rows.
        """
        return self._run_refusable(self._described() or self._undescribed)

    def _described(self) -> Callable[[], Rows] | None:
        """A call that runs the statement as a subquery whose columns are made exact; None for one that cannot be so."""
        text, values = self._statement.query.rstrip("; \t\r\n"), self._values(self._statement)
        try:
            columns = self._interruptible.run(lambda: self._connection.execute(f"DESCRIBE {text}", values).fetchall())
            exact = f"SELECT {_exact([kind for _, kind, *_ in columns])} FROM ({text}\n)"  # noqa: S608  # the user's own SQL
            self._interruptible.run(lambda: self._connection.execute(f"EXPLAIN {exact}", values).fetchall())
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            return None

        def run() -> Rows:
            with self._errors_of_the_original():
                self._connection.execute(exact, values)
            return _distinct([name for name, *_ in columns]), self._batches()

        return run

    def _undescribed(self) -> Rows:
        """The rows of a statement that cannot be a subquery, such as EXPLAIN; or the error of one that is refused."""
        with self._errors_of_the_original():
            relation = self._connection.sql(self._statement, params=self._values(self._statement) or None)
            if relation is None:
                raise _no_rows("its last statement returns none")
            rows = relation.project(_exact(list(map(str, relation.types)))).fetchall()
        return _distinct(relation.columns), (rows[at : at + AT_A_TIME] for at in range(0, len(rows), AT_A_TIME))

    def _batches(self) -> Iterator[list[tuple[Any, ...]]]:
        def fetch() -> list[tuple[Any, ...]]:
            with self._errors_of_the_original():
                return self._connection.fetchmany(AT_A_TIME)

        while rows := self._run_refusable(fetch):
            yield rows

    @contextmanager
    def _errors_of_the_original(self) -> Iterator[None]:
        """After an error run the statement as it was given: the same error then has its position in the user's text."""
        try:
            yield
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            self._connection.execute(self._statement, self._values(self._statement))
            while self._connection.fetchmany(AT_A_TIME):
                pass
            raise

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


def _exact(kinds: Sequence[str]) -> str:
    """The columns of these types as SQL that Python receives unchanged. Their names are told apart, and not used."""
    return ", ".join(f"{_exact_value(f'#{place}', kind)} AS c{place}" for place, kind in enumerate(kinds, start=1))


def _exact_value(value: str, kind: str) -> str:
    if _PLAIN.fullmatch(kind):
        return value
    if kind == "TIMESTAMP WITH TIME ZONE":  # shown as UTC; DuckDB 1.5 needs a package to give Python its zone
        return _one_of(f"isfinite({value})", f"make_timestamp(epoch_us({value}))", "TIMESTAMP", value)
    if _DATED.fullmatch(kind):
        return _one_of(f"isfinite({value})", value, kind, value)  # Python would receive the last day for infinity
    if close := _OTHER_TIMES.get(kind):
        near = f"CAST({value} AS {close})"
        is_same = f"CAST({near} AS {kind}) = {value}{' AND isfinite(' + near + ')' if close == 'TIMESTAMP' else ''}"
        return _one_of(is_same, near, close, value)
    text = f"CAST(to_json({value}) AS VARCHAR)" if _NESTED.search(kind) else f"CAST({value} AS VARCHAR)"
    return f"CAST({text} AS DOUBLE)" if kind == "FLOAT" else text  # 0.1, not 0.10000000149011612


def _one_of(condition: str, exact: str, kind: str, value: str) -> str:
    """A value of a type where the condition holds, else its text."""
    both = f"UNION(exact {kind}, text VARCHAR)"
    return f"CASE WHEN {condition} THEN CAST({exact} AS {both}) ELSE CAST(CAST({value} AS VARCHAR) AS {both}) END"


def _distinct(names: Sequence[str]) -> list[str]:
    """The names made unique by appending underscores."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        while (places.setdefault(name, place)) != place:
            name += "_"  # noqa: PLW2901  # until it is unique
    return list(places)


def _no_rows(cause: str) -> UsageError:
    return UsageError("the SQL returns no rows", cause=cause, fix="see `orusage query -h`")
