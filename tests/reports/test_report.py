"""Reports against plain Python over the simulator's records: sums, days of a zone, --top, and tables."""

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from statistics import median_low
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import new_ids
from support.simulated_warehouse import write_simulated_warehouse

from ingest.core.errors import ConfigurationError, UsageError
from ingest.core.generation_id import second_of
from ingest.core.remembered_rate import RememberedRate
from ingest.core.sightings import Chunk, Sighting
from ingest.reports.definitions import REPORTS
from ingest.reports.formats import width_of
from ingest.reports.period import Period, utc_offset_periods
from ingest.reports.report import TOP_MODELS, Report, report
from ingest.reports.summary_view import printed
from ingest.reports.terminal_table import dollars, shortened, table, total_dollars
from ingest.simulator import fake_records
from ingest.warehouse.reader import Reader
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CHANGE = datetime(2026, 10, 25, tzinfo=UTC)
"""The day on which Berlin's clocks go back: it has 25 hours."""

SPREAD = timedelta(days=1.5)
IDS = [i.replace(i[4:14], str(int(i[4:14]) + 86_400 * 25)) for i in new_ids(500, seed=3, span=SPREAD)]
LEGACY = "gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG"
RECORDS = {i: fake_records.record(1, i) for i in (*IDS, LEGACY)}
DEAD = new_ids(2, seed=4)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_simulated_warehouse(tmp_path_factory.mktemp("report") / "w.duckdb", RECORDS, DEAD)


@pytest.fixture(scope="module")
def reader(path):
    with Reader(path) as reader:
        yield reader


def cost(record):
    """As the README defines it."""
    upstream = exactly(record["upstream_inference_cost"]) if record["is_byok"] else Decimal(0)
    return exactly(record["usage"]) + upstream


def exactly(usd):
    return Decimal(str(usd or 0)).quantize(Decimal("1e-12"), ROUND_HALF_EVEN)


def sums(key, ids=(*IDS, LEGACY)):
    found = defaultdict(Decimal)
    for i in ids:
        found[key(i)] += cost(RECORDS[i])
    return found


def costs(found, column):
    return dict(found.rows.select(column, "total_usage").rows())


def at(generation_id):
    return second_of(generation_id).replace(tzinfo=UTC)


def local(zone, pattern):
    return lambda i: at(i).astimezone(zone).strftime(pattern)


# Sums


@pytest.mark.parametrize(
    ("by", "field"),
    [("model", "model"), ("provider", "provider_name"), ("user", "external_user"), ("session", "session_id"),
     ("workspace", "workspace_id"), ("app", "app_id"), ("request", "request_id")],
)  # fmt: skip
@pytest.mark.parametrize("since", [None, datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, 1, tzinfo=UTC)])
def test_costs_are_those_of_the_records_from_rollup_and_facts_alike(reader, by, field, since):
    found = report(reader, "cost", Period(since), by)
    expected = sums(lambda i: RECORDS[i].get(field))
    column = REPORTS["cost"].dimensions[by]
    assert costs(found, column) == {None if k is None else str(k): v for k, v in expected.items()}
    assert found.total["total_usage"].item() == sum(expected.values())
    assert found.total["request_count"].item() == len(RECORDS)


@pytest.mark.parametrize("by", sorted(REPORTS["cost"].rollup_dimensions))
def test_the_rollup_says_what_the_facts_say(reader, by):
    ready = report(reader, "cost", Period(datetime(2020, 1, 1, tzinfo=UTC)), by)
    exact = report(reader, "cost", Period(datetime(2020, 1, 1, 0, 0, 1, tzinfo=UTC)), by)
    assert ready.rows.sort(ready.rows.columns[0]).equals(exact.rows.sort(exact.rows.columns[0]))


OF_THE_DEAREST = {"median_usage", "p95_usage", "max_usage"}
OF_THE_DEAREST |= {"group_count", "median_group_usage", "p95_group_usage", "max_group_usage"}
"""Columns that are no sums."""


def biggest(name, rows):
    by = {
        "cost": "total_usage",
        "failed": "total_usage",
        "top": "total_usage",
        "errors": "attempt_count",
        "ledger": "ids",
    }
    if name == "cache":
        return rows["cache_discount"] + rows["response_cache_saved_usage"]
    return rows[by[name]]


@pytest.mark.parametrize("top", [1, 3, 1000])
@pytest.mark.parametrize("name", [n for n, f in REPORTS.items() if f.dimensions and f.is_additive])
def test_rows_beyond_top_become_one_row_and_totals_stay(reader, name, top):
    every, kept = report(reader, name, Period(), top=1_000_000), report(reader, name, Period(), top=top)
    assert kept.rows["is_rest"].to_list() == [key == "(other)" for key in kept.rows.to_series(0)]
    amounts = [c for c, kind in every.rows.schema.items() if isinstance(kind, pl.Decimal) or kind == pl.Int64]
    for column in set(amounts) - OF_THE_DEAREST:
        assert every.rows[column].sum() == kept.rows[column].sum() == every.total[column].item()
    assert kept.rows.height == min(every.rows.height, top + 1)
    assert (kept.rows[0:, 0].to_list()[-1] == "(other)") == (every.rows.height > top)
    shown = kept.rows.filter(pl.nth(0).ne_missing("(other)"))
    assert shown.equals(every.rows.join(shown.select(pl.nth(0)), on=shown.columns[0], how="semi", nulls_equal=True))
    left_out = every.rows.join(shown, on=shown.columns[0], how="anti", nulls_equal=True)
    if not left_out.is_empty():
        assert biggest(name, shown).min() >= biggest(name, left_out).max()


@pytest.mark.parametrize("by", ["model", "model,provider", "week,model", "provider,day,author"])
@pytest.mark.parametrize("where", [[], ["author=openai"], ["provider!=OpenAI", "month!=2020-01"], ["day!=2026-11-01"]])
def test_the_rollup_says_what_the_facts_say_of_dimensions_and_filters(reader, by, where):
    ready = report(reader, "cost", Period(datetime(2020, 1, 1, tzinfo=UTC)), by, where=where)
    exact = report(reader, "cost", Period(datetime(2020, 1, 1, 0, 0, 1, tzinfo=UTC)), by, where=where)
    order = list(ready.columns)
    assert ready.rows.sort(order).equals(exact.rows.sort(order))
    assert ready.total.equals(exact.total)


def test_rows_of_one_value_stand_together_the_largest_first_and_days_in_their_order(reader):
    rows = report(reader, "cost", Period(), "model,day").rows.select("model", "requested_day", "total_usage").rows()
    usage = sums(lambda i: RECORDS[i]["model"])
    models = list(dict.fromkeys(model for model, _, _ in rows))
    assert models == sorted(usage, key=lambda m: -usage[m])
    assert [(m, d) for m, d, _ in rows] == [
        (m, d) for m in models for d in sorted(day for model, day, _ in rows if model == m)
    ]


def test_a_filter_on_a_value_that_nothing_has_is_told(reader):
    model = RECORDS[IDS[0]]["model"]
    for name in ("cost", "summary", "latency", "cache", "failed", "errors"):
        assert "nothing has" not in report(reader, name, Period(), where=[f"model={model}"]).note
        note = report(reader, name, Period(), where=[f"model!={model}x"]).note
        assert note == f"nothing has the model {model}x: did you mean {model}?"


def test_attempts_are_filtered_by_who_made_the_request(reader):
    user = next(r["external_user"] for r in RECORDS.values() if r["external_user"])
    found = report(reader, "errors", Period(), where=[f"user={user}"]).total["attempt_count"].item()
    assert found == sum(len(r["provider_responses"] or []) for r in RECORDS.values() if r["external_user"] == user)


def test_top_of_percentiles_keeps_the_largest_and_notes_how_many_are_left_out(reader):
    every, kept = report(reader, "latency", Period()), report(reader, "latency", Period(), top=2)
    assert kept.rows.equals(every.rows.head(2))
    assert f"{every.rows.height - 2} more rows are left out" in kept.note


def test_latency_of_a_period_is_exact(reader):
    found = report(reader, "latency", Period(datetime(2020, 1, 1, tzinfo=UTC)), "model")
    measured = defaultdict(list)
    for record in RECORDS.values():
        is_whole = not record["cancelled"] and record["finish_reason"] not in {"error", "content_filter"}
        is_chat = record.get("api_type") in {"completions", None}
        if is_chat and is_whole and not record["response_cache_source_id"]:
            measured[record["model"]].append(max(record["generation_time"] or 0, record["latency"] or 0))
    for model, p50 in found.rows.select("model", "p50_duration_ms").rows():
        assert p50 == median_low(measured[model]), model


@pytest.mark.parametrize("by", sorted({*REPORTS["latency"].dimensions} - {"team"}))
def test_latency_of_all_of_history_and_of_a_period_that_holds_it_are_the_same(reader, by):
    since = Period(datetime(2020, 1, 1, tzinfo=UTC))
    assert report(reader, "latency", since, by).rows.equals(report(reader, "latency", Period(), by).rows)


def test_the_views_on_latency_say_what_the_report_says(reader):
    for view, by in (("latency_by_model", "model"), ("latency_by_provider", "provider")):
        found = report(reader, "latency", Period(), by).rows
        assert found.sort(found.columns[0]).equals(reader.view(view).sort(found.columns[0]).select(found.columns))


def test_a_truncated_answer_is_part_of_the_total_and_not_lost(reader):
    rows = {row["status"]: row for row in report(reader, "failed", Period()).rows.to_dicts()}
    assert rows["truncated"]["total_usage"] == rows["truncated"]["truncated_usage"] > 0
    assert {name: row["lost_usage"] for name, row in rows.items()} == {
        name: 0 if name == "truncated" else row["total_usage"] for name, row in rows.items()
    }
    summary = printed(report(reader, "summary", Period()), "table", 120)
    [lost] = [line for line in summary.splitlines() if line.startswith("lost")]
    assert "truncated" not in lost
    assert "\ntruncated    $" in summary


def test_failed_spend_and_the_ledger(reader):
    failed = report(reader, "failed", Period())
    lost = sum(cost(r) for r in RECORDS.values() if r["cancelled"])
    assert costs(failed, "status")["cancelled"] == lost == failed.total["cancelled_usage"].item()
    ledger = report(reader, "ledger", Period(), "state").rows
    assert dict(ledger.select("state", "ids").rows()) == {"settled": len(RECORDS), "dead": len(DEAD)}


def test_the_summary_adds_up(reader):
    row = report(reader, "summary", Period()).rows.row(0, named=True)
    assert row["total_usage"] == sum(map(cost, RECORDS.values()))
    assert row["openrouter_usage"] + row["byok_fees"] + row["byok_usage"] == row["total_usage"]
    assert row["settled"] == row["request_count"] == len(RECORDS)
    cache = report(reader, "cache", Period()).total.row(0, named=True)
    assert row["cache_discount"] == cache["cache_discount"]
    assert row["response_cache_saved_usage"] == cache["response_cache_saved_usage"]
    attempts = sum(len(r["provider_responses"] or []) for r in RECORDS.values())
    assert row["attempt_count"] == attempts == report(reader, "errors", Period()).total["attempt_count"].item()


# Periods and zones


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "UTC"])
def test_days_are_those_of_the_zone(reader, zone):
    zone = ZoneInfo(zone)
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), None, zone)
    assert costs(report(reader, "cost", period, "day"), "requested_day") == sums(local(zone, "%Y-%m-%d"), IDS)
    assert costs(report(reader, "cost", period, "month"), "requested_month") == sums(local(zone, "%Y-%m"), IDS)
    weeks = sums(lambda i: str((d := at(i).astimezone(zone).date()) - timedelta(days=d.weekday())), IDS)
    assert costs(report(reader, "cost", period, "week"), "requested_week") == weeks


def test_the_day_on_which_clocks_go_back_has_25_hours_in_their_order(reader):
    day = Period.between(datetime(2026, 10, 25), datetime(2026, 10, 26), BERLIN)  # noqa: DTZ001
    assert day.until - day.since == timedelta(hours=25)
    there = [i for i in IDS if at(i).astimezone(BERLIN).date() == date(2026, 10, 25)]
    found = report(reader, "cost", day, "hour")
    hours = found.rows["requested_hour"].to_list()
    assert found.total["request_count"].item() == len(there)
    expected = sums(lambda i: at(i).astimezone(BERLIN).replace(minute=0, second=0).isoformat()[:13], there)
    merged = defaultdict(Decimal)
    for hour, usage in found.rows.select("requested_hour", "total_usage").rows():
        merged[hour[:13]] += usage
    assert merged == expected
    both = ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]
    assert [h for h in hours if h.startswith("2026-10-25T02")] == both


def test_a_legacy_id_counts_for_its_day_in_every_zone(reader):
    _, batches = reader.query("SELECT requested_day FROM generations WHERE requested_at IS NULL").stream()
    [[(day,)]] = batches
    for zone in (BERLIN, ZoneInfo("America/New_York")):
        begin = datetime.combine(day, datetime.min.time())
        found = report(reader, "cost", Period.between(begin, begin + timedelta(days=1), zone), "day")
        assert found.rows["requested_day"].to_list() == [str(day)]


@given(
    zone=st.sampled_from(
        ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo"]
    ),
    begin=st.datetimes(datetime(2023, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    days=st.integers(1, 900),
    share=st.floats(0, 0.999),
)
def test_utc_offset_periods_agree_with_the_time_zone(zone, begin, days, share):
    zone, end = ZoneInfo(zone), begin + timedelta(days=days)
    parts = utc_offset_periods(zone, begin, end)
    assert [p.begins for p in parts[1:]] == [p.ends for p in parts[:-1]]
    assert (parts[0].begins, parts[-1].ends) == (begin, end)
    moment = begin + share * (end - begin)
    [part] = [p for p in parts if p.begins <= moment < p.ends]
    shown = moment.astimezone(zone)
    assert timedelta(seconds=part.seconds) == shown.utcoffset()
    assert part.label == (shown.isoformat()[-6:] if part.seconds else "Z")


def test_until_must_come_after_since():
    with pytest.raises(UsageError):
        Period.between(NOW, NOW, BERLIN)


# What is refused, and what is not there


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (("costs", Period()), "did you mean cost?"),
        (("cost", Period(), "modle"), "did you mean model?"),
        (("cost", Period(), "model,dya"), "did you mean day?"),
        (("cost", Period(), "model,"), "name one of them"),
        (("cost", Period(), "model,day,user,app"), "leave some out, or keep to one of their values with --where"),
        (("cost", Period(), None, None, ["modle=a"]), "did you mean model?"),
        (("forecast", Period(), None, None, ["model=a"]), "leave --where out"),
        (("summary", Period(), "model"), "leave --by out"),
        (("forecast", Period(), "model"), "leave --by out"),
        (("forecast", Period(), None, 3), "leave --top out"),
        (("summary", Period(), None, 3), "leave --top out"),
        (("anomalies", Period(zone=BERLIN)), "leave --timezone out"),
        (("latency", Period(), "status'; DROP TABLE generations"), "name one of them"),
    ],
)
def test_wrong_options_are_refused_with_a_suggestion(reader, call, meant):
    with pytest.raises(UsageError) as refused:
        report(reader, *call)
    assert refused.value.fix == meant


@pytest.mark.parametrize("name", REPORTS)
def test_a_period_without_requests_has_headers_and_notes_which_period_has_some(reader, name):
    found = report(reader, name, Period(datetime(2030, 1, 1, tzinfo=UTC)))
    if name != "summary":
        assert printed(found, "json", 80) == "[]\n"
        assert len(printed(found, "table", 80).splitlines()) >= 2
    assert "2026-10" in found.note or name == "forecast"


@pytest.mark.parametrize("name", REPORTS)
def test_an_empty_warehouse_is_no_error(tmp_path, name):
    with Reader(write_simulated_warehouse(tmp_path / "w.duckdb", {}, DEAD)) as reader:
        found = report(reader, name, Period())
    assert all(line == line.rstrip() for line in printed(found, "table", 80).splitlines())
    if name != "ledger":
        assert "orusage ingest" in found.note


def test_a_warehouse_without_the_views_must_be_migrated(tmp_path):
    import duckdb

    with duckdb.connect(
        write_simulated_warehouse(tmp_path / "w.duckdb", {i: RECORDS[i] for i in IDS[:2]}, DEAD)
    ) as connection:
        connection.execute("DROP TABLE ops.cost_rollup")
    with Reader(tmp_path / "w.duckdb") as reader, pytest.raises(ConfigurationError, match="migrate"):
        report(reader, "cost", Period())


@given(st.lists(st.sampled_from(["a.log", "/srv/a.log", "/srv/b.log", "/srv/deep/c.log", "-", "s3://b/x", "s3://b/y"])))
@settings(max_examples=10)
def test_the_ledger_is_by_state_and_counts_objects_by_directory(tmp_path_factory, sources):
    ids = new_ids(len(sources), seed=9)
    with Warehouse(tmp_path_factory.mktemp("ledger") / "w.duckdb", NOW) as warehouse:
        sightings = tuple(Sighting(i, source, 0) for i, source in zip(ids, sources, strict=True))
        warehouse.add(Chunk(sightings, (), ended=0, bytes_read=0), "run", NOW)
        warehouse.remember_rate("host", None, RememberedRate(1.0, 1.0, NOW), "run")
    with Reader(warehouse.path) as reader:
        found = {by: report(reader, "ledger", Period(), by) for by in (None, "source", "directory")}
    assert found[None].rows.columns[0] == "state"
    assert dict(found[None].rows.select("state", "ids").rows()) == ({"pending": len(ids)} if ids else {})
    assert "settled" not in printed(found[None], "table", 80)
    folders = {
        "a.log": "a.log",
        "-": "-",
        "s3://b/x": "s3://b/",
        "s3://b/y": "s3://b/",
        "/srv/deep/c.log": "/srv/deep/",
    }
    by_directory = Counter(folders.get(source, "/srv/") for source in sources)
    by_source = Counter("s3://b/" if "://" in source else source for source in sources)
    assert dict(found["directory"].rows.select("directory", "ids").rows()) == by_directory
    assert dict(found["source"].rows.select("source", "ids").rows()) == by_source


# Tables


amounts = st.decimals(-(10**9), 10**9, places=12)
long_names = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=90))


@pytest.fixture(scope="module")
def by_model(reader):
    return report(reader, "cost", Period(), "model")


@settings(max_examples=50)
@given(
    rows=st.lists(st.tuples(long_names, st.integers(0, 10**12), amounts), max_size=8),
    width=st.sampled_from([40, 60, 80, 120, 300]),
)
def test_no_number_is_ever_cut(by_model, rows, width):
    schema = by_model.rows.schema
    filler = {c: None for c in schema if c not in {"model", "request_count", "total_usage"}}
    made = [{"model": m, "request_count": n, "total_usage": u, **filler} for m, n, u in rows]
    text = table(
        Report("cost", Period(), pl.DataFrame(made, schema), by_model.total, pl.DataFrame(), "", ("model",)), width
    )
    lines = text.splitlines()[2 : 2 + len(rows)]
    for line, (_, count, usage) in zip(lines, rows, strict=True):
        assert f" {count:,} " in line
        assert dollars(usage) in line.split()
    counts, amounts_ = [len(f"{n:,}") for _, n, _ in rows], [dollars(u).partition(".") for *_, u in rows]
    sizes = [max((len(whole) for whole, *_ in amounts_), default=0)]
    sizes += [max((len(point + fraction) for _, point, fraction in amounts_), default=0)]
    narrowest = max(counts, default=0) + sum(sizes) + 22  # each column is as wide as its widest whole and fraction
    assert all(width_of(line) <= max(width, narrowest) for line in text.splitlines())


@pytest.mark.parametrize("width", [40, 60, 80, 120, 300])
@pytest.mark.parametrize("name", REPORTS)
def test_a_report_fits_its_terminal(reader, name, width):
    text = printed(report(reader, name, Period()), "table", width)
    assert all(width_of(line) <= width for line in text.splitlines()), text


def grouped_by(definition):
    """The report's default, and three more of its dimensions."""
    if not definition.default_dimension:
        return [None]
    grouping = [by for by in definition.by or definition.dimensions if by != "team"]
    return dict.fromkeys([definition.default_dimension, *grouping[::4]])


def columns_of(text):
    """The cells below each other of each column of a table, as wide as its rule."""
    head, rule, *lines = [line for line in text.splitlines() if line]
    widths = [len(part) for part in rule.split("  ")]
    begins = [sum(widths[:place]) + 2 * place for place in range(len(widths))]
    rows = [line for line in lines if line != rule]
    return {
        head.ljust(len(rule))[begin : begin + w].strip(): [row.ljust(len(rule))[begin : begin + w] for row in rows]
        for begin, w in zip(begins, widths, strict=True)
    }


@pytest.mark.parametrize("by", [(name, by) for name, made in REPORTS.items() for by in grouped_by(made)])
def test_every_report_has_a_title_and_its_amounts_stand_at_the_point(reader, by):
    name, dimension = by
    found = report(reader, name, Period(), dimension)
    title, empty, *_ = (text := printed(found, "table", 1000)).splitlines()
    assert title == found.title
    assert not empty
    assert f" by {(dimension or '').replace('_', ' ')}, " in title or dimension is None
    assert printed(found, "markdown", 80).startswith(f"{title}\n\n| ")
    for form in ("json", "csv", "ndjson"):
        assert title not in printed(found, form, 80)
    if name != "summary" and found.rows.height:
        for header, cells in columns_of(text.split("\n\n")[1]).items():
            amounts = [c for c in cells if "$" in c]
            points = {c.index(".") if "." in c else len(c.rstrip()) for c in amounts}
            assert len(points) <= 1 or not any("." in c for c in amounts), header


def test_the_models_of_the_summary_stand_at_the_point(reader):
    text = printed(report(reader, "summary", Period()), "table", 80)
    lines = text[text.index("top models") :].splitlines()
    assert len({line.index(".") for line in lines}) == 1
    assert (lines[-1].split()[-1] == "(other)") == (len(lines) > TOP_MODELS)
    assert len({line.rindex(line.split()[-1]) for line in lines}) == 1


measured = st.fixed_dictionaries(
    {
        name: st.one_of(st.none(), st.just(Decimal(0)), st.decimals(0, 10**6, places=12))
        for name in ("total_usage", "openrouter_usage", "byok_usage", "cache_discount")
    }
)


@settings(max_examples=100)
@given(
    rows=st.lists(measured, min_size=1, max_size=4),
    total=measured,
    nulls=st.sets(st.sampled_from(["total_usage", "byok_usage", "cache_discount"])),
)
def test_a_column_without_any_value_is_left_out_of_tables_only(by_model, rows, total, nulls):
    schema, without = by_model.rows.schema, dict.fromkeys(nulls)
    filler = dict.fromkeys(schema)
    made = pl.DataFrame(
        [{**filler, "model": f"m{n}", "request_count": n, **row, **without} for n, row in enumerate(rows)], schema
    )
    ended = pl.DataFrame(
        [{**dict.fromkeys(by_model.total.columns), "request_count": 1, **total, **without}], by_model.total.schema
    )
    found = Report("cost", Period(), made, ended, pl.DataFrame(), columns=("model",))
    filled = {c for frame in (made, ended) for c in frame.columns if frame[c].null_count() < frame.height}
    expected = [c.title for c in REPORTS["cost"].columns if c.name in filled and not c.only_by]
    assert list(columns_of(printed(found, "table", 1000))) == ["model", *expected]
    assert printed(found, "markdown", 80).splitlines()[0] == f"| {' | '.join(['model', *expected])} |"
    assert printed(found, "csv", 80).splitlines()[0].split(",") == list(schema)
    assert list(json.loads(printed(found, "json", 80))[0]) == list(schema)


def test_without_rows_all_columns_are_shown(reader):
    found = report(reader, "latency", Period(datetime(2030, 1, 1, tzinfo=UTC)))
    assert all(column.title in printed(found, "table", 1000) for column in REPORTS["latency"].columns)


def test_wider_terminals_show_more_columns_and_programs_all(reader):
    found = report(reader, "cost", Period())
    headers = [len(re.split(r"  +", table(found, w).splitlines()[0])) for w in (40, 80, 160)]
    assert headers == sorted(set(headers))
    assert json.loads(printed(found, "json", 40))[0].keys() == dict.fromkeys(found.rows.columns).keys()
    assert len(found.rows.columns) > headers[-1]


@pytest.mark.parametrize(
    ("usd", "row", "total"),
    [
        ("0.000035", "$0.000035", "$0.000035"),
        ("-0.000035", "-$0.000035", "-$0.000035"),
        ("12.3456", "$12.3456", "$12.35"),
        ("-12.3456", "-$12.3456", "-$12.35"),
        ("1234567.891", "$1,234,567.89", "$1,234,567.89"),
        ("0", "$0", "$0"),
    ],
)
def test_small_amounts_keep_two_digits_and_totals_are_to_the_cent(usd, row, total):
    assert (dollars(Decimal(usd)), total_dollars(Decimal(usd))) == (row, total)


@given(st.text(max_size=40), st.integers(10, 30))
def test_a_shortened_name_keeps_both_ends(text, width):
    short = shortened(text, width)
    assert width_of(short) <= width
    assert short == text or "…" in short
