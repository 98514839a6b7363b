"""The rates file: what a dollar of usage really costs, by currency and from which day on."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from ingest.core.errors import NoInputError, UnexpectedInputError
from ingest.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NEEDED = ("from_date", "currency", "rate")
_SHARES = ("purchase_fee", "tax", "markup")
_COLUMNS = (*_NEEDED, *_SHARES, "until_date")
_SEPARATORS = ",;\t"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_RATE_PLACES, _SHARE_PLACES = 9, 5
_HIGHEST_RATE = 1_000_000
_HIGHEST = {"purchase_fee": 1, "tax": 1, "markup": 10}


RATES = {
    "currency": pl.String(),
    "from_day": pl.Date(),
    "rate": pl.Decimal(28, 12),
    **dict.fromkeys(_SHARES, pl.Decimal(18, 12)),
}
"""The columns of ``ops.rates``."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a dollar costs from a day on, to the next rate of the currency.

    Attributes:
        currency: The currency, such as EUR.
        from_day: The first day (UTC).
        rate: Units of the currency for one US dollar.
        purchase_fee: What buying credits costs on top, as a share.
        tax: Tax on top of that, as a share.
        markup: What is charged on top of all, as a share.
    """

    currency: str
    from_day: date
    rate: Decimal
    purchase_fee: Decimal
    tax: Decimal
    markup: Decimal


class Line(NamedTuple):
    """A line of the file: its number, its rate, and the first day on which that no longer holds, if it says so."""

    number: int
    rate: Rate
    until: date | None


@dataclass(frozen=True, slots=True)
class RatesFile:
    """The rates of a file.

    Attributes:
        path: The file.
        lines: Its lines by currency and day.
    """

    path: Path
    lines: tuple[Line, ...]

    @property
    def rates(self) -> list[Rate]:
        """The rates by currency and day."""
        return [line.rate for line in self.lines]

    def require_rates_from(self, first_day: date | None) -> None:
        """Check that each currency has a rate on the first day on which anything was spent; None if nothing was.

        Raises:
            UnexpectedInputError: One has none.
        """
        first = {line.rate.currency: line for line in reversed(self.lines)}
        for currency, line in first.items():
            if first_day and line.rate.from_day > first_day:
                raise _wrong(
                    self.path,
                    line.number,
                    f"the warehouse has spend from {first_day} on, and {currency} no rate before {line.rate.from_day}",
                    f"let the first rate of {currency} begin on {first_day} or earlier",
                )


def read_rates(path: Path) -> RatesFile:
    """Read a rates file: CSV with the columns from_date, currency and rate, and others that may be missing.

    Args:
        path: The file. Columns are separated by commas, semicolons or tabs.

    Raises:
        NoInputError: There is no such file, or it cannot be read.
        UnexpectedInputError: Something in it is not as described, or a currency has a gap or two rates on a day.
    """
    text = _text(path)
    separator = max(_SEPARATORS, key=text.partition("\n")[0].count)
    cells = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    try:
        columns = _columns(path, [name.strip() for name in next(cells, [])])
        found = [_line(path, cells.line_num, columns, row) for row in cells if any(cell.strip() for cell in row)]
    except csv.Error as error:
        fix = "close each quote in the line in which it opens"
        raise _wrong(path, cells.line_num, f"it is no CSV: {error}", fix) from None
    if not found:
        raise UnexpectedInputError(
            f"{path} has no rate", cause="nothing stands below its first line", fix="write a line for each rate"
        )
    found.sort(key=lambda line: (line.rate.currency, line.rate.from_day, line.number))
    for _, each in groupby(found, key=lambda line: line.rate.currency):
        *others, last = each
        for before, after in pairwise((*others, last)):
            _check_succession(path, before, after)
        _check_succession(path, last, None)
    return RatesFile(path, tuple(found))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        cause = error.strerror or str(error)
        raise NoInputError(f"{path} cannot be read", cause=cause, fix="name a CSV file") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _wrong(path, line, "it is not UTF-8", "save the file as UTF-8") from None


def _columns(path: Path, names: Sequence[str]) -> Sequence[str]:
    for name in names:
        if name not in _COLUMNS:
            fix = did_you_mean(name, _COLUMNS, "begin it with from_date,currency,rate,purchase_fee,tax,markup")
            raise _wrong(path, 1, f"it names a column {name!a}; the columns are {', '.join(_COLUMNS)}", fix)
        if names.count(name) > 1:
            raise _wrong(path, 1, f"it names the column {name} twice", "name each column once")
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        fix = "begin it with from_date,currency,rate,purchase_fee,tax,markup"
        raise _wrong(path, 1, f"it does not name the column {' and '.join(missing)}", fix)
    return names


def _line(path: Path, number: int, columns: Sequence[str], cells: Sequence[str]) -> Line:
    if len(cells) != len(columns):
        cause = f"it has {len(cells)} cells, the first line {len(columns)}"
        raise _wrong(path, number, cause, "write 0.92 instead of 0,92, or separate cells by semicolons")
    found = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    currency = found["currency"]
    if not _CURRENCY.fullmatch(currency):
        raise _wrong(path, number, f"{currency!a} is no currency", "write its three letters, as in EUR")
    shares = (_share(path, number, name, found.get(name, "0")) for name in _SHARES)
    day, rate = _day(path, number, found["from_date"]), _rate(path, number, currency, found["rate"])
    until = _day(path, number, found["until_date"]) if found.get("until_date") else None
    return Line(number, Rate(currency, day, rate, *shares), until)


def _day(path: Path, number: int, text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # the 31st of February
        pass
    raise _wrong(path, number, f"{text!a} is no date", "write it as in 2026-01-31")


def _number(path: Path, number: int, name: str, text: str, places: int) -> Decimal:
    """A plain number, neither negative nor with too many decimal places."""
    if not _NUMBER.fullmatch(text):
        cause = f"the {name} is {text!a}, which is no number" if text else f"the {name} is empty"
        raise _wrong(path, number, cause, "write it with a decimal point, as in 0.055; for none write 0")
    value = Decimal(text)
    if value < 0:
        raise _wrong(path, number, f"the {name} is {text}, which is negative", "write a number from 0 on")
    if value != round(value, places):
        raise _wrong(path, number, f"the {name} has more than {places} decimal places", "round it")
    return value


def _rate(path: Path, number: int, currency: str, text: str) -> Decimal:
    rate = _number(path, number, "rate", text, _RATE_PLACES)
    if not 0 < rate < _HIGHEST_RATE:
        fix = f"write how many {currency} one US dollar is"
        raise _wrong(path, number, f"the rate is {text}; it must be above 0 and below {_HIGHEST_RATE:,}", fix)
    if currency == "USD" and rate != 1:
        raise _wrong(path, number, f"the rate of USD is {text}", "write 1: one US dollar is one US dollar")
    return rate


def _share(path: Path, number: int, name: str, text: str) -> Decimal:
    share = _number(path, number, name, text, _SHARE_PLACES)
    if share > _HIGHEST[name]:
        fix = "write a share, as in 0.055 for 5.5 %"
        raise _wrong(path, number, f"the {name} is {text}; it must not be above {_HIGHEST[name]}", fix)
    return share


def _check_succession(path: Path, before: Line, after: Line | None) -> None:
    """Check that a rate holds until the next one of its currency, and the last one for ever."""
    currency, until = before.rate.currency, before.until
    if after and after.rate.from_day == before.rate.from_day:
        cause = f"line {before.number} has a rate of {currency} for {after.rate.from_day} already"
        raise _wrong(path, after.number, cause, "keep one of the two lines")
    if until and until <= before.rate.from_day:
        raise _wrong(path, before.number, f"it ends on {until}, before it begins", "let it end on a later day")
    if until and not after:
        cause = f"{currency} has no rate from {until} on"
        raise _wrong(path, before.number, cause, "add a rate that begins on that day, or leave until_date empty")
    if until and after and until != after.rate.from_day:
        what = "no rate" if until < after.rate.from_day else "two rates"
        first, last = sorted((until, after.rate.from_day))
        cause = f"{currency} has {what} from {first} to {last}: line {after.number} begins on {after.rate.from_day}"
        raise _wrong(path, before.number, cause, "let it end when the next one begins, or leave until_date empty")


def _wrong(path: Path, number: int, cause: str, fix: str) -> UnexpectedInputError:
    return UnexpectedInputError(f"line {number} of {path} cannot be used", cause=cause, fix=fix)
