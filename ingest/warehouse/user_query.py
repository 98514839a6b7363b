"""A user's own SQL with its parameters: all its rows as a frame, or in batches that take little memory."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import polars as pl

from ingest.core.errors import UsageError
from ingest.warehouse.query_errors import mismatched, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingest.warehouse.interruptible import InterruptibleConnection

    Rows = tuple[list[str], Iterator[list[tuple[Any, ...]]]]
    """The names of the columns, and the rows in batches."""

Value = TypeVar("Value")

AT_A_TIME = 10_000
"""Rows held while a result is streamed."""

_PLAIN = r"VARCHAR|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*|DATE|TIME|TIMESTAMP(_NS|_MS|_S)?"
_IN_PYTHON = re.compile(_PLAIN)
_NESTED = re.compile(r"^(STRUCT|MAP|UNION)\(|\]$")
_IN_POLARS = re.compile(rf"{_PLAIN}|TIMESTAMP.*")


class UserQuery:
    """One statement, or several of which only the last is a question.

    Args:
        attended: Where to ask.
        text: The SQL.
        parameters: Values for ``$NAME``, as text that DuckDB casts to what it stands beside.
        relations: Tells the names of all views and tables.

    Raises:
        UsageError: DuckDB cannot or will not run it, there is none or several, or the parameters are not its own.
    """

    def __init__(
        self,
        attended: InterruptibleConnection,
        text: str,
        parameters: Mapping[str, str],
        relations: Callable[[], Sequence[str]],
    ) -> None:
        self._attended, self._connection = attended, attended.connection
        self._parameters, self._relations = parameters, relations
        statements = self._asked(lambda: self._connection.extract_statements(text))
        if not statements:
            raise _no_rows("there is no statement in it")
        if error := mismatched({name for s in statements for name in s.named_parameters}, parameters):
            raise error
        *before, self._statement = statements
        if any(s.type == duckdb.StatementType.SELECT for s in before):
            raise UsageError(
                "there are several questions",
                cause="only the last one's rows would be shown",
                fix="ask them one by one",
            )
        for statement in before:
            self._asked(partial(self._run, statement))

    def _run(self, statement: duckdb.Statement) -> None:
        self._connection.execute(statement, self._values(statement)).fetchall()

    def frame(self) -> pl.DataFrame:
        """All rows.

        Raises:
            UsageError: DuckDB cannot or will not run it, or it returns no rows.
        """
        return self._asked(self._all)

    def stream(self) -> Rows:
        """The same in batches, so that a result of any size takes little memory.

        Raises:
            UsageError: as above.
        """
        if not self._is_plain():
            frame = self.frame()
            return frame.columns, (part.rows() for part in frame.iter_slices(AT_A_TIME))
        result = self._asked(lambda: self._connection.execute(self._statement, self._values(self._statement)))
        return _distinct([name for name, *_ in result.description or []]), self._batches()

    def _batches(self) -> Iterator[list[tuple[Any, ...]]]:
        while rows := self._asked(lambda: self._connection.fetchmany(AT_A_TIME)):
            yield rows

    def _all(self) -> pl.DataFrame:
        own = self._values(self._statement)
        try:
            relation = self._connection.sql(self._statement, params=own or None)
            if relation is None:
                raise _no_rows("its last statement is no question")
            return pl.DataFrame(_framed(relation))
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            self._connection.execute(self._statement, own)  # the same error, but it tells the place in the user's text
            while self._connection.fetchmany(AT_A_TIME):
                pass
            raise

    def _is_plain(self) -> bool:
        """Whether Python can hold each value as it is."""
        if self._statement.type != duckdb.StatementType.SELECT:
            return False
        describe = f"DESCRIBE {self._statement.query}"
        try:
            columns = self._attended.run(
                lambda: self._connection.execute(describe, self._values(self._statement)).fetchall()
            )
        except duckdb.Error:  # such as DESCRIBE of a DESCRIBE
            return False
        return all(_IN_PYTHON.fullmatch(kind) for _, kind, *_ in columns)

    def _values(self, statement: duckdb.Statement) -> dict[str, str]:
        return {name: value for name, value in self._parameters.items() if name in statement.named_parameters}

    def _asked(self, call: Callable[[], Value]) -> Value:
        """Ask; what DuckDB complains of is the SQL."""
        try:
            return self._attended.run(call)
        except duckdb.Error as error:
            with suppress(duckdb.Error):  # there is mostly no transaction
                self._connection.rollback()  # or nothing can be asked any more, not even for what was meant
            raise refused(str(error), self._relations()) from None


def _framed(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows as a frame can hold them: types that polars has not as text, nested ones as JSON, no name twice."""
    columns = []
    for place, (name, kind) in enumerate(zip(_distinct(relation.columns), relation.types, strict=True), start=1):
        columns.append(f'{_value(place, str(kind))} AS "{name.replace(chr(34), chr(34) * 2)}"')
    return relation.project(", ".join(columns))


def _value(place: int, kind: str) -> str:
    if _IN_POLARS.fullmatch(kind):
        return f"#{place}"
    return f"CAST(to_json(#{place}) AS VARCHAR)" if _NESTED.search(kind) else f"CAST(#{place} AS VARCHAR)"


def _distinct(names: Sequence[str]) -> list[str]:
    """Each name once: a second one gets an underscore."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        while (places.setdefault(name, place)) != place:
            name += "_"  # noqa: PLW2901  # until it is new
    return list(places)


def _no_rows(cause: str) -> UsageError:
    return UsageError("the SQL returns no rows", cause=cause, fix="see `orusage query -h`")
