import re
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reports.formats import cell, render, width_of
from ingest.reports.frame_table import LEAST_FOLDED, frame_table
from ingest.reports.terminal_table import MIN_NAME_WIDTH

WIDTHS = (40, 60, 80, 120, 300)

texts = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=200))
KINDS = {
    "text": (pl.String(), texts),
    "count": (pl.Int64(), st.one_of(st.none(), st.integers(-(10**12), 10**12))),
    "usd": (pl.Decimal(28, 12), st.decimals(-(10**6), 10**6, places=12)),
    "day": (pl.Date(), st.dates(date(2020, 1, 1), date(2030, 1, 1))),
    "at": (pl.Datetime("us"), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))),  # noqa: DTZ001  # as stored
}


@st.composite
def frames(draw, min_rows=0):
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=20))
    height = draw(st.integers(min_rows, 5))
    columns = {
        f"{kind}_{place}{'_with_a_long_name' * draw(st.integers(0, 1))}": pl.Series(
            [draw(KINDS[kind][1]) for _ in range(height)], dtype=KINDS[kind][0]
        )
        for place, kind in enumerate(kinds)
    }
    return pl.DataFrame(columns)


@settings(max_examples=150)
@given(frames(), st.sampled_from(WIDTHS))
def test_a_table_never_wraps_and_never_cuts_a_number(frame, width):
    text = frame_table(frame, width)
    assert text.endswith("\n")
    assert all(width_of(line) <= width for line in text.splitlines())
    for name in frame.columns:
        if frame[name].dtype.is_numeric() and name not in left_out(text) + empty_in(text):
            assert all(cell(value) in text for value in frame[name])


LEFT_OUT = r"^(\d+)\s+more\s+columns?\s+%s:((?:(?!^\d+\s+more)(?s:.))*)"


def named(text, why):
    found = re.search(LEFT_OUT % why, text, re.MULTILINE)
    names = found[2].replace(",", " ").split() if found else []
    assert not found or len(names) == int(found[1])
    return names


def left_out(text):
    """The names of the columns that the table says do not fit."""
    return named(text, r"do(?:es)?\s+not\s+fit")


def empty_in(text):
    """The names of the columns that the table says are empty."""
    return named(text, r"(?:is|are)\s+empty")


def empty_of(frame):
    """The columns without any value, if there is one that has some."""
    empty = [name for name in frame.columns if frame.height and frame[name].null_count() == frame.height]
    return empty if len(empty) < frame.width else []


@settings(max_examples=100)
@given(frames(min_rows=2), st.sampled_from(WIDTHS))
def test_every_column_is_shown_or_named(frame, width):
    text = frame_table(frame, width)
    header = re.split(r"  +", text.splitlines()[0].strip())
    assert empty_in(text) == empty_of(frame)
    shown = frame.drop(empty_of(frame)).columns
    names = left_out(text)
    assert len(header) == len(shown) - len(names)
    assert names == shown[len(header) :]


@settings(max_examples=50)
@given(frames())
def test_without_a_width_everything_is_shown(frame):
    table, empty = frame_table(frame, None), empty_of(frame)
    assert empty_in(table) == empty
    assert table.partition(f"{len(empty)} more column")[0] == render(frame.drop(empty), "table") or not frame.height
    assert render(frame, "csv").splitlines()[0].split(",") == frame.columns


@given(st.lists(st.text("ab ", max_size=300), min_size=1, max_size=4), st.sampled_from(WIDTHS))
def test_a_folded_column_keeps_every_word(sentences, width):
    frame = pl.DataFrame({"relation": [f"view_{n}" for n in range(len(sentences))], "meaning": sentences})
    text = frame_table(frame, width, folded="meaning")
    assert all(width_of(line) <= max(width, LEAST_FOLDED) for line in text.splitlines())
    words = "".join(word for line in text.splitlines()[2:] for word in re.sub(r"view_\d", "", line).split())
    assert words == "".join("".join(sentence or '""' for sentence in sentences).split())


def test_one_row_that_does_not_fit_has_a_line_for_each_column():
    row = {"model": "m" * 90, "usd": Decimal("1.5"), "at": datetime(2026, 11, 20, 12, tzinfo=UTC).replace(tzinfo=None)}
    frame = pl.DataFrame([row | {f"n{i}": i * 10**9 for i in range(9)}])
    lines = frame_table(frame, 60).splitlines()
    assert len(lines) == len(frame.columns)
    assert lines[1:3] == ["usd    1.5000", "at     2026-11-20 12:00:00"]
    assert max(map(width_of, lines)) == 60


def test_names_are_shortened_no_further_than_needed():
    frame = pl.DataFrame({"model": ["m" * 50, "x"], "provider": ["p" * 50, "y"]})
    head, *_ = frame_table(frame, 80).splitlines()[2:]
    assert width_of(head) == 80
    assert min(map(len, head.split())) > MIN_NAME_WIDTH


@pytest.mark.parametrize("width", [None, 60])
def test_rules_and_ellipses_in_ascii(width):
    frame = pl.DataFrame({"model": ["m" * 100, "\u667a\u8c31 é"], "n": [1, 2]})
    text = frame_table(frame, width, is_ascii=True)
    assert text.isascii()
    assert set(text.splitlines()[1]) == {"-", " "}
    assert "\\u667a" in text
