"""OpenRouter's Logs CSV in every form in which it may arrive."""

import csv
import gzip
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.core.errors import NoInputError, UnexpectedInputError
from ingest.sources.logs_csv import REST, LogsCsv, open_logs_csv

NOW = datetime(2026, 11, 20, tzinfo=UTC)
COLUMNS = (
    *("generation_id", "created_at", "cost_total", "cost_web_search", "cost_cache", "cost_file_processing"),
    *("byok_usage_inference", "tokens_prompt", "tokens_completion", "tokens_reasoning", "tokens_cached"),
    *("model_permaslug", "provider_name", "variant", "cancelled", "streamed", "user", "finish_reason_raw"),
    *("finish_reason_normalized", "generation_time_ms", "time_to_first_token_ms", "api_key_disabled"),
    *("api_key_name", "app_name"),
)
ROW = ("gen-1", "2026-11-01 03:46:57.713", "0.0123", "", "", "", "0", "10", "5", "", "", "a/b", "P", *[""] * 11)


def text_of(rows, columns=COLUMNS, **options):
    written = io.StringIO(newline="")
    csv.writer(written, **options).writerows([columns, *rows])
    return written.getvalue()


def read(path):
    with open_logs_csv(str(path), NOW) as opened:
        return list(opened), opened


def written(tmp_path, data):
    path = tmp_path / "logs.csv"
    path.write_bytes(data)
    return path


def test_the_24_columns(tmp_path):
    [row], opened = read(written(tmp_path, text_of([ROW]).encode()))
    assert len(opened.columns) == 24
    assert opened.name == str(tmp_path / "logs.csv")
    assert row == (
        2,
        "gen-1",
        {
            "created_at": "2026-11-01 03:46:57.713",
            "cost_total": "0.0123",
            "byok_usage_inference": "0",
            "tokens_prompt": "10",
            "tokens_completion": "5",
            "model_permaslug": "a/b",
            "provider_name": "P",
        },
    )


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=12)


@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=5),
    st.permutations([0, 1, 2]),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_columns_are_read_by_name_in_any_order_and_kind_of_csv(drawn, order, separator, end, quoting):
    rows = [("gen-1", *pair) for pair in drawn]
    mixed = [[row[place] for place in order] for row in rows]
    columns = [("Generation ID", "App Name", "New")[place] for place in order]
    text = text_of(mixed, columns, delimiter=separator, lineterminator=end, quoting=quoting)
    found = list(LogsCsv("x", io.StringIO(text, newline="")))
    expected = [{k: v for k, v in zip(("app_name", "new"), pair, strict=True) if v.strip()} for pair in drawn]
    assert [(row.generation_id, row.cells) for row in found] == [("gen-1", each) for each in expected]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_are_recognised(tmp_path, encoding):
    [row], opened = read(
        written(tmp_path, text_of([("gen-1", "Ä日本€")], ("generation_id", "app_name")).encode(encoding))
    )
    assert row.cells == {"app_name": "Ä日本€"}
    assert not opened.recoded


def test_what_is_not_utf_8_is_read_as_windows_1252_and_counted(tmp_path):
    text = text_of([("gen-1", "Müller “x” €"), ("gen-2", "plain")], ("generation_id", "app_name"))
    rows, opened = read(written(tmp_path, text.encode("cp1252")))
    assert [row.cells["app_name"] for row in rows] == ["Müller “x” €", "plain"]
    assert opened.recoded == 1


def test_it_may_be_compressed(tmp_path):
    assert len(read(written(tmp_path, gzip.compress(text_of([ROW, ROW]).encode())))[0]) == 2


def test_lines_are_counted_over_line_ends_in_cells_and_empty_lines(tmp_path):
    text = 'sep=,\r\n\r\nid,app_name\r\ngen-1,"two\nlines"\r\n\r\n,\r\ngen-2,b\r\n'
    rows, _ = read(written(tmp_path, text.encode()))
    assert [(row.line, row.generation_id) for row in rows] == [(4, "gen-1"), (8, "gen-2")]


def test_what_a_row_has_too_much_is_kept_and_what_it_lacks_is_missing(tmp_path):
    rows, _ = read(written(tmp_path, b"id,a,A,a\ngen-1,1,2,3,4,,5\ngen-2\n"))
    assert rows[0].cells == {"a": "1", "a_3": "2", "a_4": "3", REST: "4\t5"}
    assert rows[1].cells == {}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"date,model,cost\n2026-11-01,a/b,1\n", "date, model, cost"),
        (b'{"id": "gen-1"}\n', "generation_id"),
        (b"x" * 200_000, "generation_id"),
        (b"\0\1\2" * 50, "generation_id"),
    ],
)
def test_without_a_column_of_ids_it_is_not_that_csv(tmp_path, text, cause):
    with pytest.raises(UnexpectedInputError) as caught:
        read(written(tmp_path, text))
    assert caught.value.code == 65
    assert cause in caught.value.cause
    assert len(caught.value.cause) < 500
    assert "openrouter.ai/logs" in caught.value.fix


def test_a_file_that_is_not_there_is_no_input(tmp_path):
    for name in (tmp_path / "gone.csv", tmp_path):
        with pytest.raises(NoInputError) as caught:
            read(name)
        assert caught.value.code == 66


def test_an_archive_that_is_cut_is_read_as_far_as_it_goes(tmp_path):
    data = gzip.compress(text_of([(f"gen-{n * n * 7919}", "x") for n in range(20_000)], ("id", "a")).encode())
    rows, opened = read(written(tmp_path, data[: len(data) // 2]))
    assert 0 < len(rows) < 20_000
    assert opened.problem
    assert opened.problem.startswith("line ")


def test_a_cell_without_an_end_is_named(tmp_path):
    rows, opened = read(written(tmp_path, b'id,a\ngen-1,x\ngen-2,"' + b"y" * 200_000))
    assert [row.generation_id for row in rows] == ["gen-1"]
    assert opened.problem == "line 3: field larger than field limit (131072)"
