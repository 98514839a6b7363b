"""A period compared with an earlier one: which that is, and why the cost changed, against fractions in plain Python."""

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.cost_change import PARTS, Request, parts_of
from support.simulated_warehouse import write_simulated_warehouse

from ingest.core.errors import UsageError
from ingest.core.generation_id import second_of
from ingest.reports.comparison import Comparison, comparison_of
from ingest.reports.period import Period
from ingest.reports.report import report
from ingest.reports.summary_view import printed
from ingest.simulator import fake_records
from ingest.warehouse.reader import Reader

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati")
NOW = datetime(2026, 11, 27, 21, 30, tzinfo=UTC)


def compared(since, until, wanted, zone="UTC", now=NOW):
    bounds = (text and datetime.fromisoformat(text) for text in (since, until))
    return comparison_of(Period.between(*bounds, ZoneInfo(zone), now), wanted, datetime.fromisoformat)


def local(period):
    return [f"{bound.astimezone(period.zone):%Y-%m-%d %H:%M}" for bound in (period.since, period.until)]


# Which period


@pytest.mark.parametrize(
    ("since", "until", "wanted", "begins", "ends"),
    [
        ("2026-11-20", "2026-11-27", "previous", "2026-11-13 00:00", "2026-11-20 00:00"),
        ("2026-11-20T19:03", "2026-11-21", "previous", "2026-11-20 14:06", "2026-11-20 19:03"),
        ("2026-11-20", None, "previous", "2026-11-12 02:30", "2026-11-20 00:00"),
        ("2026-11-01", "2026-12-01", "previous", "2026-10-01 00:00", "2026-11-01 00:00"),
        ("2026-10-01", "2026-12-01", "previous", "2026-08-01 00:00", "2026-10-01 00:00"),
        ("2026-01-01", "2026-04-01", "previous", "2025-10-01 00:00", "2026-01-01 00:00"),
        ("2026-11-01", None, "previous", "2026-10-01 00:00", "2026-10-27 21:30"),
        (None, None, "previous", "2026-10-01 00:00", "2026-10-27 21:30"),
        (None, "2026-11-15", "previous", "2026-10-01 00:00", "2026-10-15 00:00"),
        (None, "2026-11-01", "previous", "2026-09-01 00:00", "2026-10-01 00:00"),
        ("2026-03-01", "2026-03-31", "previous", "2026-02-01 00:00", "2026-03-01 00:00"),
        ("2026-03-01", "2026-03-29T12:00", "previous", "2026-02-01 00:00", "2026-03-01 00:00"),
        ("2026-11-20", "2026-11-27", "year", "2025-11-20 00:00", "2025-11-27 00:00"),
        ("2028-02-01", "2028-03-01", "year", "2027-02-01 00:00", "2027-03-01 00:00"),
        ("2028-02-29", "2028-03-01", "year", "2027-02-28 00:00", "2027-03-01 00:00"),
        (None, None, "year", "2025-11-01 00:00", "2025-11-27 21:30"),
        (None, None, "2026-10-01..2026-11-01", "2026-10-01 00:00", "2026-11-01 00:00"),
        ("2026-11-01", None, "2026-10-01T06:00..2026-10-02", "2026-10-01 06:00", "2026-10-02 00:00"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_the_earlier_period(since, until, wanted, begins, ends, zone):
    found = compared(since, until, wanted, zone, now=NOW.replace(tzinfo=ZoneInfo(zone)))
    assert local(found.earlier) == [begins, ends]
    expected = since or f"{(datetime.fromisoformat(until) - timedelta(days=1) if until else NOW):%Y-%m}-01"
    assert found.period.since == datetime.fromisoformat(expected).replace(tzinfo=ZoneInfo(zone))
    assert found.period.until == (datetime.fromisoformat(until) if until else NOW).replace(tzinfo=ZoneInfo(zone))


zones = st.sampled_from(ZONES)
days = st.dates(date(2024, 1, 1), date(2027, 12, 31))


@given(zones, days, st.integers(1, 400))
def test_the_days_before_are_as_many_and_end_where_the_period_begins(zone, day, count):
    assume(day.day != 1)
    found = compared(str(day), str(day + timedelta(days=count)), "previous", zone)
    assert local(found.earlier) == [f"{day - timedelta(days=count)} 00:00", f"{day} 00:00"]
    assert found.earlier.until == found.period.since
    assert found.span == Period(found.earlier.since, found.period.until, ZoneInfo(zone), NOW)


@given(zones, days, st.integers(1, 30))
def test_whole_months_are_compared_with_as_many_months_before(zone, day, count):
    def month(n):
        total = day.year * 12 + day.month - 1 + n
        return f"{total // 12}-{total % 12 + 1:02}-01"

    found = compared(month(0), month(count), "previous", zone)
    assert local(found.earlier) == [f"{month(-count)} 00:00", f"{month(0)} 00:00"]


@given(zones, days, st.integers(1, 400))
def test_a_year_earlier_is_the_same_days(zone, day, count):
    end = day + timedelta(days=count)
    assume((day.month, day.day) != (2, 29) != (end.month, end.day))
    found = compared(str(day), str(end), "year", zone)
    assert local(found.earlier) == [f"{each.replace(year=each.year - 1)} 00:00" for each in (day, end)]


@given(zones, days, st.timedeltas(timedelta(0), timedelta(1)), st.timedeltas(timedelta(seconds=1), timedelta(90)))
def test_the_earlier_period_is_never_empty(zone, day, clock, length):
    since = datetime.combine(day, time()) + clock
    for wanted in ("previous", "year"):
        found = compared(since.isoformat(), (since + length).isoformat(), wanted, zone)
        assert found.earlier.since < found.earlier.until
        assert found.earlier.until <= found.period.since or wanted == "year"


@pytest.mark.parametrize("wanted", ["", "before", "2026-10-01", "2026-10-01..", "..2026-10-01", "..", "Previous "])
def test_another_word_is_refused(wanted):
    with pytest.raises(UsageError, match="there is no period"):
        compared("2026-11-20", "2026-11-27", wanted)


@pytest.mark.parametrize(
    ("since", "until", "wanted", "now"),
    [
        ("2026-11-20", "2026-11-27", "2026-10-02..2026-10-01", NOW),
        ("2026-12-20", None, "previous", NOW),
        ("2026-11-20", None, "previous", None),
    ],
)
def test_a_period_without_end_or_length_is_refused(since, until, wanted, now):
    with pytest.raises(UsageError):
        compared(since, until, wanted, now=now)


# Why: scenarios, one for each user of one warehouse

EARLIER, LATER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
MODELS, PROVIDERS = ("acme/one", "acme/two", "zeta/three"), ("Azure", "OpenAI", None)
OCTOBER_AND_NOVEMBER = comparison_of(
    Period(LATER, datetime(2026, 12, 1, tzinfo=UTC)), "previous", datetime.fromisoformat
)


def drawn(draw):
    """What one generation costs, and its tokens: among them free, unknown, copied, BYOK and without tokens."""
    usage = draw.choice(["0", f"{draw.randrange(10**12)}e-12", f"{draw.randrange(10**10)}e-12"])
    made = {
        "model": draw.choice(MODELS),
        "provider_name": draw.choice(PROVIDERS),
        "usage": Decimal(usage) if draw.random() > 0.1 else None,
        "is_byok": draw.random() < 0.2,
        "native_tokens_prompt": draw.choice([0, None, draw.randrange(5_000), draw.randrange(10**9)]),
        "native_tokens_completion": draw.choice([0, None, draw.randrange(5_000)]),
        "response_cache_source_id": "gen-1600000000-aaaaaaaaaaaaaaaaaaaa" if draw.random() < 0.1 else None,
    }
    upstream = Decimal(f"{draw.randrange(10**11)}e-12") if made["is_byok"] and draw.random() > 0.3 else None
    return made | {"upstream_inference_cost": upstream}


def generation(model, usage, tokens, provider="Azure"):
    told = {"model": model, "provider_name": provider, "usage": Decimal(usage), "native_tokens_prompt": tokens}
    rest = ("native_tokens_completion", "upstream_inference_cost", "response_cache_source_id")
    return told | dict.fromkeys(rest) | {"is_byok": False}


DRAW = random.Random(16)
ONE, TWO = generation("acme/one", "0.1", 1000), generation("acme/two", "0.7", 1000)
IMAGE = generation("acme/image", "0.04", 0)
SCENARIOS = {
    "same": ([ONE, TWO], [ONE, TWO]),
    "volume": ([ONE, TWO], [ONE, TWO] * 3),
    "longer": ([ONE, TWO], [generation("acme/one", "0.3", 3000), generation("acme/two", "2.1", 3000)]),
    "price": ([ONE, TWO], [generation("acme/one", "0.15", 1000), generation("acme/two", "0.5", 1000)]),
    "mix": ([ONE, ONE, TWO], [ONE, TWO, TWO]),
    "provider": ([ONE], [generation("acme/one", "0.05", 1000, "OpenAI")]),
    "new": ([ONE], [generation("acme/new", "0.5", 1000)]),
    "begun": ([], [ONE, TWO]),
    "stopped": ([ONE, TWO], []),
    "images": ([IMAGE, ONE], [generation("acme/image", "0.05", 0), ONE]),
    "images only": ([IMAGE], [IMAGE, IMAGE]),
    **{
        f"drawn {n}": tuple([drawn(DRAW) for _ in range(DRAW.randrange(7))] for _ in ("earlier", "later"))
        for n in range(200)
    },
}


MONEY = ("usage", "upstream_inference_cost")


def made_records():
    records = {}
    for user, (before, now) in SCENARIOS.items():
        for begin, generations in ((EARLIER, before), (LATER, now)):
            for made in generations:
                second = int(begin.timestamp()) + DRAW.randrange(86_400 * 30)
                name = f"gen-{second}-{len(records):020}"
                told = {field: None if made[field] is None else float(made[field]) for field in MONEY}
                base = fake_records.record(1, name) | {"total_cost": told["usage"], "provider_responses": []}
                records[name] = base | made | told | {"external_user": user}
    return records


RECORDS = made_records()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_simulated_warehouse(tmp_path_factory.mktemp("compare") / "w.duckdb", RECORDS, [])


@pytest.fixture(scope="module")
def reader(path):
    with Reader(path) as reader:
        yield reader


def cost(made):
    """What it costs in all, whether that is known, and its tokens."""
    own = made["upstream_inference_cost"] if made["is_byok"] else None
    is_known = made["usage"] is not None and (not made["is_byok"] or own is not None)
    tokens = (made["native_tokens_prompt"] or 0) + (made["native_tokens_completion"] or 0)
    return (made["usage"] or 0) + (own or 0), is_known and not made["response_cache_source_id"], tokens


def expected(before, now, column):
    sides = (
        [Request(made[column], made["model"], made["provider_name"], *cost(made)) for made in each]
        for each in (before, now)
    )
    return parts_of(*sides)


def found_in(reader, user, by, column, top=None):
    found = report(reader, "cost", OCTOBER_AND_NOVEMBER, by, top, [f"user={user}"])
    names = [f"{part}_usage" for part in PARTS]
    rows = {key: dict(zip(PARTS, values, strict=True)) for key, *values in found.rows.select(column, *names).rows()}
    return found, rows, dict(zip(PARTS, found.total.select(names).row(0), strict=True))


@pytest.mark.parametrize(("by", "column"), [("model", "model"), ("provider", "provider_name")])
def test_the_change_and_its_parts_are_what_plain_python_makes_of_them(reader, by, column):
    for user, (before, now) in SCENARIOS.items():
        found, rows, total = found_in(reader, user, by, column)
        assert (rows, total) == expected(before, now, column), user
        sizes = found.rows["change_usage"].abs().to_list()
        assert sizes == sorted(sizes, reverse=True)
        for row in found.rows.to_dicts():
            assert_adds_up(row)
            share = row["change_usage"] / row["earlier_usage"] if row["earlier_usage"] else None
            assert row["change_share"] == (None if share is None else pytest.approx(float(share)))


def assert_adds_up(row):
    assert row["change_usage"] == row["total_usage"] - row["earlier_usage"]
    assert row["change_usage"] == row["volume_usage"] + row["mix_usage"] + row["price_usage"]


@pytest.mark.parametrize(
    ("user", "parts"),
    [
        ("same", {}),
        ("volume", {"volume": "1.6"}),
        ("longer", {"volume": "1.6"}),
        ("price", {"price": "-0.15"}),
        ("mix", {"mix": "0.6"}),
        ("provider", {"mix": "-0.05"}),
        ("new", {"mix": "0.4"}),
        ("begun", {"volume": "0.8"}),
        ("stopped", {"volume": "-0.8"}),
        ("images", {"price": "0.01"}),
        ("images only", {"volume": "0.04"}),
    ],
)
def test_more_requests_are_volume_other_models_mix_and_dearer_tokens_price(reader, user, parts):
    _, _, total = found_in(reader, user, "model", "model")
    told = {part: Decimal(value) for part, value in parts.items()}
    assert {part: value for part, value in total.items() if value and part != "change"} == told
    assert total["change"] == sum(told.values())


def test_rows_beyond_top_are_added_up(reader):
    for user in [name for name in SCENARIOS if name.startswith("drawn")][:50]:
        _, rows, total = found_in(reader, user, "model,provider", "model", top=1)
        assert [sum(row[part] for row in rows.values()) for part in PARTS] == [total[part] for part in PARTS]


def spent(since, until):
    """How many requests there were and what they cost, from their records."""
    inside = [r for i, r in RECORDS.items() if since <= second_of(i).replace(tzinfo=UTC) < until]
    exact = [r | {name: None if r[name] is None else Decimal(str(r[name])) for name in MONEY} for r in inside]
    return len(inside), sum((Decimal(cost(r)[0]) for r in exact), start=Decimal(0))


spans = st.tuples(st.integers(0, 60), st.integers(1, 61)).map(
    lambda span: Period(*(EARLIER + timedelta(days=day) for day in (span[0], sum(span))))
)


@settings(max_examples=50)
@given(spans, spans, st.sampled_from(["model", "provider,user", "app", "status"]))
def test_any_two_periods_are_compared_exactly(reader, period, earlier, by):
    """They may overlap, and the earlier one may be the later one."""
    found = report(reader, "cost", Comparison(period, earlier), by)
    total = found.total.row(0, named=True)
    assert (total["request_count"], total["total_usage"]) == spent(period.since, period.until)
    assert (total["earlier_request_count"], total["earlier_usage"]) == spent(earlier.since, earlier.until)
    for row in (total, *found.rows.to_dicts()):
        assert_adds_up(row)
    for name in ("total_usage", "earlier_usage", "volume_usage", "mix_usage", "price_usage", "tokens", "request_count"):
        assert found.rows[name].sum() == total[name]


# As a report


def test_the_title_tells_both_periods(reader):
    found = report(reader, "cost", OCTOBER_AND_NOVEMBER)
    days = "1 to 30 November 2026 compared with 1 to 31 October 2026"
    assert printed(found, "table", 120).splitlines()[0] == f"Change of cost by model, {days}, USD"
    berlin = compared("2026-11-20", "2026-11-27", "previous", "Europe/Berlin")
    title = report(reader, "cost", berlin, "user").title
    days = "20 to 26 November 2026 compared with 13 to 19 November 2026 (Europe/Berlin)"
    assert title == f"Change of cost by user, {days}, USD"


def test_an_earlier_period_without_requests_is_remarked(reader):
    found = report(reader, "cost", compared("2026-11-01", "2026-12-01", "year"))
    assert "the earlier period has no requests" in found.note
    assert "earlier period" not in report(reader, "cost", OCTOBER_AND_NOVEMBER).note


@pytest.mark.parametrize(("name", "by"), [("latency", None), ("cost", "day"), ("cost", "model,hour"), ("costs", None)])
def test_what_cannot_be_compared_is_refused(reader, name, by):
    with pytest.raises(UsageError):
        report(reader, name, OCTOBER_AND_NOVEMBER, by)


def test_the_command_compares(path, orusage):
    words = ("-w", path, "report", "cost", "--since", "2026-11-01", "--until", "2026-12-01", "--format", "json")
    [row] = orusage(*words, "--compare", "previous", "--where", "user=price", "--by", "provider").json
    assert (row["provider_name"], row["change_usage"], row["price_usage"]) == ("Azure", -0.15, -0.15)
    [same] = orusage(*words, "--compare", "2026-10-01..2026-11-01", "--where", "user=price", "--by", "provider").json
    assert same == row
    for wrong in ("before", "2026-10-01..never", "2026-10-01..2026-09-01"):
        refused = orusage(*words, "--compare", wrong)
        assert refused.code == 2
        assert len(refused.err.splitlines()) == 3
