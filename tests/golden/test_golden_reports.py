"""Every report says of the golden generations what plain Python makes of them: of all of history, and of a part."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cost_change import PARTS, Request, parts_of

from golden.expected import (
    DAY,
    METRICS,
    NOBODYS,
    Near,
    anomalies_by,
    cost_anomalies,
    cost_forecast,
    costs,
    effective_prices_of,
    hit_rate,
    is_price_sample,
    is_success,
    kinds,
    known,
    loaded_of,
    nearest_rank,
    number,
    paid_answer,
    percentiles,
    second_of,
    share,
    spent_daily,
    total,
    usd,
)
from golden.stored import EXPECTED, agrees
from golden.unusual_days import ACCOUNT
from ingest.core.errors import UnexpectedInputError, UsageError
from ingest.reports.comparison import Comparison
from ingest.reports.definitions import REPORTS
from ingest.reports.names import shown
from ingest.reports.period import Period
from ingest.reports.report import report
from ingest.warehouse.reader import Reader

FACTS = EXPECTED.facts
SECONDS = sorted(known(FACTS, "requested_at"))
EARLY, LATE = (SECONDS[len(SECONDS) * n // 8].replace(tzinfo=UTC) for n in (1, 7))
"""Seconds of generations: the first is in the period, the last is not."""

LEGACY_DAYS = sorted({r["requested_day"] for r in FACTS if not r["requested_at"] and r["requested_day"]})
NOON = datetime.combine(LEGACY_DAYS[0], time(12), UTC)

PERIODS = {
    "all": Period(),
    "from second to second": Period(EARLY, LATE),
    "from the noon of a legacy ID's day": Period(NOON, LATE),
    "to the noon of a legacy ID's day": Period(None, NOON),
    "whole days": Period(datetime(2026, 8, 8, tzinfo=UTC), datetime(2026, 9, 15, tzinfo=UTC)),
    "in another zone": Period(EARLY, LATE, ZoneInfo("Asia/Tokyo")),
}


@pytest.fixture(scope="module")
def reader(path):
    with Reader(path) as reader:
        yield reader


def is_in(period, row):
    """Whether a request is of the period; one of which only the day is known, where that day begins in the zone."""
    moment, day = row["requested_at"], row.get("requested_day")
    if period.is_all:
        return True
    if moment is None and day is None:
        return False
    zone = UTC if moment else period.zone
    moment = (moment or datetime.combine(day, time())).replace(tzinfo=zone)
    return not (period.since and moment < period.since) and not (period.until and moment >= period.until)


def local_day(period, row):
    moment = row["requested_at"]
    return moment.replace(tzinfo=UTC).astimezone(period.zone).date() if moment else row["requested_day"]


def formatted(form):
    return lambda period, row: (day := local_day(period, row)) and day.strftime(form)


def of(name):
    return lambda _, row: row[name]


def monday(period, row):
    day = local_day(period, row)
    return day and (day - timedelta(days=day.weekday())).isoformat()


def length(_, row):
    tokens = row["native_tokens_completion"] or 0
    bounds = [(1, "1-10"), (11, "11-100"), (101, "101-300"), (301, "301-1000"), (1001, "1001-3000")]
    labels = [label for low, label in [*bounds, (3001, "3001-10000"), (10001, "10001-")] if tokens >= low]
    return labels[-1] if labels else None


KEYS = {
    "day": formatted("%Y-%m-%d"),
    "week": monday,
    "month": formatted("%Y-%m"),
    "model": of("model"),
    "author": of("model_author"),
    "provider": of("provider_name"),
    "app": lambda _, row: None if row["app_id"] is None else str(row["app_id"]),
    "user": of("external_user"),
    "session": of("session_id"),
    "workspace": of("workspace_id"),
    "key": of("api_key_id"),
    "request": of("request_id"),
    "cost_basis": of("cost_basis"),
    "status": lambda _, row: None if row["status"] is None else str(row["status"]),
    "length": length,
    "source": of("source"),
    "state": of("state"),
    "reason": of("reason"),
}


def cache(rows):
    hits = [r for r in rows if r["is_response_cache_hit"]]
    discounts = known(rows, "cache_discount")
    return {
        "request_count": len(rows),
        "cached_request_count": sum((r["native_tokens_cached"] or 0) > 0 for r in rows),
        "tokens_prompt": number(rows, "native_tokens_prompt"),
        "cached_tokens": number(rows, "native_tokens_cached"),
        "saved_usage": sum((d for d in discounts if d > 0), start=NOBODYS),
        "cache_write_usage": -sum((d for d in discounts if d < 0), start=NOBODYS),
        "cache_discount": total(rows, "cache_discount"),
        "total_usage": total(rows, "total_usage"),
        "usage_without_cache": total(rows, "total_usage") + total(rows, "cache_discount"),
        "response_cache_hits": len(hits),
        "response_cache_saved_usage": total(filter(None, (paid_answer(EXPECTED, r) for r in hits)), "total_usage"),
        "cache_hit_rate": hit_rate(number(rows, "native_tokens_cached"), number(rows, "native_tokens_prompt")),
    }


def failed_of(everything):
    """The measures, given all requests of the period: what was spent in vain is told as a share of their cost."""

    def failed(rows):
        broken = [r for r in rows if r["status"] != "completed"]
        of_status = {
            s: [r for r in broken if r["status"] == s] for s in ("cancelled", "failed", "filtered", "truncated")
        }
        return {
            "request_count": len(broken),
            "paid_count": sum(r["total_usage"] > 0 for r in broken),
            "total_usage": total(broken, "total_usage"),
            "lost_usage": total((r for r in broken if r["status"] != "truncated"), "total_usage"),
            **{f"{s}_usage": total(r, "total_usage") for s, r in of_status.items()},
            "tokens_completion": number(broken, "native_tokens_completion"),
            "share_of_usage": share(total(broken, "total_usage"), total(everything, "total_usage")),
        }

    return failed


def errors(attempts):
    ended = kinds(attempts)
    names = ("success", "throttled", "overloaded", "server_error", "other_error", "unknown")
    answered, later = len(attempts) - ended["unknown"], sum(a["attempt"] > 1 for a in attempts)
    lost = known((a for a in attempts if not is_success(a["status"])), "latency")
    return {
        "attempt_count": len(attempts),
        **{f"{name}_count": ended[name] for name in names},
        "fallback_count": later,
        "failed_ms": float(sum(lost)),
        "error_rate": share(answered - ended["success"], answered),
        "fallback_rate": share(later, len(attempts)),
    }


def ledger(ids):
    of_state = defaultdict(list)
    for each in ids:
        of_state[each["state"]].append(each)
    return {
        "ids": len(ids),
        **{state: len(of_state[state]) for state in ("settled", "pending", "dead")},
        "oldest_pending_at": min(known(of_state["pending"], "requested_at"), default=None),
        "newest_settled_at": max(known(of_state["settled"], "requested_at"), default=None),
    }


ABOUT = {r["generation_id"]: r for r in EXPECTED.stored}
OF_GENERATION = ("requested_day", "app_id", "external_user", "session_id", "workspace_id", "request_id", "api_key_id")
ATTEMPTS = [
    a
    | {name: ABOUT[a["generation_id"]][name] for name in OF_GENERATION}
    | {"model": a["model_permaslug"] or ABOUT[a["generation_id"]]["model"]}
    for a in EXPECTED.attempts
]
LEDGER = [r | {"state": "settled", "reason": None} for r in EXPECTED.stored]
LEDGER += [w | {"requested_at": second_of(w["generation_id"]), "requested_day": None} for w in EXPECTED.work]


def grouped(period, rows, by):
    groups = defaultdict(list)
    for row in rows:
        groups[KEYS[by](period, row)].append(row)
    return groups


def assert_agrees(found, expected, about):
    assert found.keys() == expected.keys(), about
    wrong = {name: (found[name], value) for name, value in expected.items() if not agrees(found[name], value)}
    assert not wrong, about


def assert_rows(frame, column, expected):
    found = {row.pop(column): row for row in frame.to_dicts()}
    assert len(found) == frame.height
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert_agrees(found[key], row, key)


def without_marks(found, by):
    """The rows without the mark of days that the period covers in part, which is checked."""
    if by not in ("hour", "day", "week", "month"):
        return found.rows
    partial = found.period.partial(by)
    assert found.rows["is_partial"].to_list() == [key in partial for key in found.rows.to_series(0)]
    return found.rows.drop("is_partial")


MEASURED = {
    "cost": (
        FACTS,
        lambda _: costs,
        ("day", "week", "month", "model", "author", "provider", "app", "user", "cost_basis"),
    ),
    "cache": (FACTS, lambda _: cache, ("day", "model", "provider", "session")),
    "failed": (FACTS, failed_of, ("week", "model", "provider", "workspace", "status")),
    "errors": (ATTEMPTS, lambda _: errors, ("day", "month", "provider", "status")),
    "ledger": (LEDGER, lambda _: ledger, ("day", "source", "state", "reason")),
}


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize(("name", "by"), [(name, by) for name, (_, _, all_by) in MEASURED.items() for by in all_by])
def test_rows_and_total_are_what_plain_python_makes_of_them(reader, name, by, period):
    source, measures_of, _ = MEASURED[name]
    rows = [row for row in source if is_in(period, row)]
    measures = measures_of(rows)
    expected = {key: measures(group) for key, group in grouped(period, rows, by).items()}
    if name == "failed":
        expected = {key: row for key, row in expected.items() if row["request_count"]}
    found = report(reader, name, period, by)
    assert_rows(without_marks(found, by), REPORTS[name].dimensions[by], expected)
    if rows:
        assert_agrees(found.total.row(0, named=True), measures(rows), "total")


def passes(period, row, filters):
    return all((KEYS[by](period, row) in values) != excluded for by, values, excluded in filters)


def drawn_filters(draw, name, period, rows):
    """Up to three filters, on values that rows have and on one that none has."""
    filters = []
    for by in draw(st.lists(st.sampled_from(DIMENSIONS[name]), max_size=3, unique=True)):
        known = sorted({KEYS[by](period, row) for row in rows}, key=str)
        values = draw(st.lists(st.sampled_from([*known, "nobody"]), min_size=1, max_size=3, unique=True))
        filters.append((by, values, draw(st.booleans())))
    return filters


def as_options(filters):
    return [f"{by}{'!=' if excluded else '='}{shown(value)}" for by, values, excluded in filters for value in values]


DIMENSIONS = {name: [by for by in REPORTS[name].dimensions if by in KEYS] for name in (*MEASURED, "latency")}


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_dimensions_and_filters_are_what_plain_python_makes_of_them(reader, data):
    name, period = data.draw(st.sampled_from([*DIMENSIONS])), data.draw(st.sampled_from([*PERIODS.values()]))
    by = data.draw(st.lists(st.sampled_from(DIMENSIONS[name]), min_size=1, max_size=3, unique=True))
    source, measures_of, _ = MEASURED.get(name, (MEASURABLE, lambda _: latencies, ()))
    rows = [row for row in source if is_in(period, row)]
    filters = drawn_filters(data.draw, name, period, rows)
    rows = [row for row in rows if passes(period, row, filters)]
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(KEYS[each](period, row) for each in by)].append(row)
    measures = measures_of(rows)
    expected = {key: measures(group) for key, group in groups.items()}
    if name == "failed":
        expected = {key: row for key, row in expected.items() if row["request_count"]}
    found = report(reader, name, period, ",".join(by), where=as_options(filters))
    columns = [REPORTS[name].dimensions[each] for each in by]
    told = {tuple(row.pop(c) for c in columns): row for row in found.rows.drop("is_partial", strict=False).to_dicts()}
    assert len(told) == found.rows.height
    assert told.keys() == expected.keys()
    for key, row in expected.items():
        agreed = {n: v for n, v in told[key].items() if name != "latency" or n in row}
        assert_agrees(agreed, row, key)
    if rows and name != "latency":
        assert_agrees(found.total.row(0, named=True), measures(rows), "total")


MEASURABLE = [row for row in FACTS if row["is_measured"]]


def latencies(rows):
    """How many there are; their percentiles are tested for one dimension."""
    return {"request_count": len(rows)}


@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_filtered_summary_is_what_plain_python_makes_of_it(reader, data):
    period = data.draw(st.sampled_from([*PERIODS.values()]))
    inside, attempts = ([row for row in source if is_in(period, row)] for source in (FACTS, ATTEMPTS))
    filters = drawn_filters(data.draw, "cost", period, inside)
    rows = [row for row in inside if passes(period, row, filters)]
    [found] = report(reader, "summary", period, where=as_options(filters)).rows.to_dicts()
    expected = {name: value for name, value in costs(rows).items() if name in found}
    ids = {row["generation_id"] for row in rows}
    expected |= {"attempt_count": sum(a["generation_id"] in ids for a in attempts)}
    expected |= {"response_cache_saved_usage": cache(rows)["response_cache_saved_usage"]}
    assert_agrees({name: found[name] for name in expected}, expected, filters)
    assert ("settled" in found) == (not filters)


@pytest.mark.parametrize(("name", "biggest"), [("cost", "total_usage"), ("errors", "attempt_count"), ("ledger", "ids")])
def test_rows_beyond_top_are_added_up(reader, name, biggest):
    source, measures_of, _ = MEASURED[name]
    by = "source" if name == "ledger" else "provider"
    groups = grouped(Period(), source, by)
    measures = measures_of(source)
    [first, *_] = sorted(groups, key=lambda key: measures(groups[key])[biggest], reverse=True)
    rest = [row for key, group in groups.items() if key != first for row in group]
    found = report(reader, name, Period(), by, top=1)
    column = REPORTS[name].dimensions[by]
    assert found.rows["is_rest"].to_list() == [key == "(other)" for key in found.rows[column]]
    assert_rows(found.rows.drop("is_rest"), column, {first: measures(groups[first]), "(other)": measures(rest)})


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("by", ["day", "model", "provider", "length"])
def test_latencies_are_what_plain_python_makes_of_them(reader, by, period):
    rows = [row for row in FACTS if is_in(period, row) and row["is_measured"]]
    expected = {
        key: {"request_count": len(group)} | percentiles(group, METRICS)
        for key, group in grouped(period, rows, by).items()
    }
    found = report(reader, "latency", period, by)
    assert_rows(without_marks(found, by), REPORTS["latency"].dimensions[by], expected)


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("by", ["day", "week", "month"])
def test_prices_are_what_plain_python_makes_of_them(reader, by, period):
    column = REPORTS["prices"].dimensions[by]
    samples = [row | {column: KEYS[by](period, row)} for row in FACTS if is_in(period, row) and is_price_sample(row)]
    expected = effective_prices_of([row for row in samples if row[column]], column)
    found = without_marks(report(reader, "prices", period, by), by).to_dicts()
    names = (column, "model", "provider_name")
    rows = {tuple(row[name] for name in names): row for row in found}
    assert len(rows) == len(found) == len(expected)
    for row in expected:
        assert_agrees(rows[tuple(row[name] for name in names)], row, by)
    order = [(row[column], -row["total_usage"]) for row in found]
    assert order == sorted(order)


def test_prices_beyond_top_are_counted_not_added_up(reader):
    every = report(reader, "prices", Period()).rows
    found = report(reader, "prices", Period(), top=2)
    assert found.rows.height == 2
    assert found.note == f"{every.height - 2} more rows are left out: prices cannot be added up"


def days_of(period, rows):
    first, last = (period.parameters()[name] for name in ("first_day", "last_day"))
    return [row for row in rows if first <= row["requested_day"] <= last]


DAYS = [PERIODS[name] for name in ("all", "from second to second", "whole days")]


BY = {"model": "model", "author": "model_author", "provider": "provider_name", "workspace": "workspace_id"}
BY |= {"app": "app_id", "user": "external_user", "key": "api_key_id"}
ONE_PROVIDER = Counter(r["provider_name"] for r in FACTS if r["provider_name"]).most_common(1)[0][0]
CHOSEN = {
    "all": ([], FACTS),
    "one provider": ([f"provider={ONE_PROVIDER}"], [r for r in FACTS if r["provider_name"] == ONE_PROVIDER]),
    "credits": (["cost_basis=credits"], [r for r in FACTS if r["cost_basis"] == "credits"]),
}


@pytest.mark.parametrize("period", DAYS)
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize(("where", "facts"), CHOSEN.values(), ids=CHOSEN)
def test_anomalies_are_those_of_the_period_the_largest_first(reader, period, by, where, facts):
    expected = {
        (r["requested_day"], *(("account", "(account)") if r["key"] is ACCOUNT else (by, name_of(r["key"])))): r
        for r in days_of(period, anomalies_by(SimpleNamespace(facts=facts), BY[by]))
    }
    found = report(reader, "anomalies", period, by, where=where).rows.to_dicts()
    assert {(r["requested_day"], r["scope"], r[BY[by]]) for r in found} == expected.keys()
    assert len(found) == len(expected)
    sizes = [abs(r["excess_usage"]) for r in found]
    assert sizes == sorted(sizes, reverse=True)
    for row in found:
        told = expected[row["requested_day"], row["scope"], row[BY[by]]]
        assert (row["kind"], row["request_count"]) == (told["kind"], told["request_count"])
        assert row["total_usage"] == usd(told["exact"])


def name_of(key):
    return None if key is None else str(key)


@pytest.mark.parametrize("period", DAYS)
def test_the_forecast_is_that_of_the_period(reader, period):
    coming = {r["requested_day"]: r for r in days_of(period, cost_forecast(EXPECTED)) if r["is_forecast"]}
    forecast = report(reader, "forecast", period).rows.to_dicts()
    assert [r["requested_day"] for r in forecast] == sorted(coming)
    for row in forecast:
        told = {name: value for name, value in coming[row["requested_day"]].items() if name != "is_forecast"}
        assert_agrees(row, told, row["requested_day"])


def excess(row):
    return Fraction(getattr(row["excess_usage"], "value", row["excess_usage"]))


def test_the_biggest_anomalies_are_kept(reader):
    [biggest] = sorted(cost_anomalies(EXPECTED), key=lambda r: -abs(excess(r)))[:1]
    [found] = report(reader, "anomalies", Period(), top=1).rows.to_dicts()
    assert (found["requested_day"], found["scope"]) == (biggest["requested_day"], biggest["scope"])
    assert found["total_usage"] == biggest["total_usage"]


@pytest.mark.parametrize("period", DAYS)
def test_the_summary_is_what_plain_python_makes_of_it(reader, period):
    rows, attempts = ([row for row in source if is_in(period, row)] for source in (FACTS, ATTEMPTS))
    measured = [row for row in rows if row["is_measured"]]
    [found] = report(reader, "summary", period).rows.to_dicts()
    expected = {
        "first_at": min(known(rows, "requested_at")),
        "last_at": max(known(rows, "requested_at")),
        **{name: value for name, value in costs(rows).items() if name in found},
        "response_cache_saved_usage": cache(rows)["response_cache_saved_usage"],
        **{
            f"p{percent}_{ending}": nearest_rank(known(measured, column), percent)
            for column, ending, percents in (
                ("ttft_ms", "ttft_ms", (50, 95)),
                ("duration_ms", "duration_ms", (50, 95)),
                ("tokens_per_second", "throughput", (50,)),
            )
            for percent in percents
        },
        "fallback_request_count": sum((r["attempts"] or 0) > 1 for r in rows),
        "fallback_request_rate": share(sum((r["attempts"] or 0) > 1 for r in rows), len(rows)),
        "attempt_count": len(attempts),
        "error_rate": errors(attempts)["error_rate"],
        "anomaly_count": len(days_of(period, cost_anomalies(EXPECTED))),
    }
    standing = {name: value for name, value in ledger(LEDGER).items() if name != "ids"}
    assert_agrees({k: v for k, v in found.items() if not k.startswith("forecast_")}, expected | standing, "")


def test_the_summary_forecasts_the_month_of_the_newest_day(reader):
    """What was spent in it, for the newest day at least what is expected, and what is expected of the days to come."""
    spent = spent_daily(EXPECTED)
    newest = max(spent)
    expected = {r["requested_day"]: r["total_usage"].value for r in cost_forecast(EXPECTED) if r["is_forecast"]}
    months = {
        day: max(spent.get(day, expected.get(day)), expected.get(day, spent.get(day))) for day in spent | expected
    }
    of_month = sum(value for day, value in months.items() if (day.year, day.month) == (newest.year, newest.month))
    [found] = report(reader, "summary", Period()).rows.to_dicts()
    assert found["forecast_month"] == f"{newest:%Y-%m}"
    assert float(found["forecast_usage"]) == pytest.approx(float(of_month), rel=1e-12)
    [last] = [
        {name: value.value for name, value in r.items() if isinstance(value, Near)}
        for r in cost_forecast(EXPECTED)
        if r["is_forecast"] and r["requested_day"].month == newest.month and (r["requested_day"] + DAY).day == 1
    ]
    before = sum(value for day, value in spent.items() if f"{newest:%Y-%m}-01" <= str(day) < str(newest))
    more = max(spent[newest] - expected[newest], 0)
    low, high = (before + more + last[f"running_{end}_usage"] for end in ("low", "high"))
    assert float(found["forecast_low_usage"]) == pytest.approx(float(max(low, before + spent[newest])), rel=1e-12)
    assert float(found["forecast_high_usage"]) == pytest.approx(float(high), rel=1e-12)


def amount_of_rank(amounts, percent, least):
    """The smallest amount that so many per cent do not exceed, where there are so many amounts at least."""
    ordered = sorted(amounts)
    return ordered[-(-len(ordered) * percent // 100) - 1] if len(ordered) >= least else None


def top_of(everything):
    """The measures, given all requests of the period."""

    def top(rows):
        amounts = [r["total_usage"] for r in rows]
        dearest = [r["generation_id"] for r in rows if r["total_usage"] == max(amounts)]
        return {
            "generation_count": len(rows),
            "total_usage": total(rows, "total_usage"),
            "share_of_usage": share(total(rows, "total_usage"), total(everything, "total_usage")),
            "median_usage": amount_of_rank(amounts, 50, 1),
            "p95_usage": amount_of_rank(amounts, 95, 20),
            "max_usage": max(amounts),
            "dearest_generation_id": min(dearest),
        }

    return top


def groups_of(groups):
    """What is told of the totals of all groups that have a name."""
    amounts = [total(rows, "total_usage") for key, rows in groups.items() if key is not None]
    return {
        "group_count": len(amounts),
        "median_group_usage": amount_of_rank(amounts, 50, 1),
        "p95_group_usage": amount_of_rank(amounts, 95, 20),
        "max_group_usage": max(amounts, default=None),
    }


@pytest.mark.parametrize("top", [1, 3, 10_000])
@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("by", ["request", "session", "user", "model", "day"])
def test_the_dearest_are_what_plain_python_makes_of_them(reader, by, period, top):
    rows = [row for row in FACTS if is_in(period, row)]
    groups, measures = grouped(period, rows, by), top_of(rows)
    of_all = groups_of(groups)
    order = sorted(groups, key=lambda key: (-total(groups[key], "total_usage"), key is None, key or ""))
    expected = {key: measures(groups[key]) | of_all for key in order[:top]}
    if rest := [row for key in order[top:] for row in groups[key]]:
        expected["(other)"] = measures(rest) | of_all
    found = report(reader, "top", period, by, top)
    assert_rows(without_marks(found, by).drop("is_rest"), REPORTS["top"].dimensions[by], expected)
    assert_agrees(found.total.row(0, named=True), measures(rows) | of_all, "total")


@pytest.mark.parametrize("top", [None, 2])
@pytest.mark.parametrize("period", [p for name, p in PERIODS.items() if name != "all"], ids=lambda p: str(p.since))
@pytest.mark.parametrize("by", ["day", "model", "user", "cost_basis"])
def test_loaded_costs_are_what_plain_python_makes_of_them(reader, by, period, top):
    rows = [row for row in FACTS if is_in(period, row)]
    groups = grouped(period, rows, by)
    names = ("request_count", "total_usage", "unrated_usage", "loaded_cost")

    def loaded(some):
        return {name: loaded_of(EXPECTED, some, "JPY")[name] for name in names}

    order = sorted(groups, key=lambda key: (-total(groups[key], "total_usage"), key is None, key or ""))
    expected = {key: loaded(groups[key]) for key in order[:top]}
    if rest := [row for key in order[len(expected) :] for row in groups[key]]:
        expected["(other)"] = loaded(rest)
    found = report(reader, "cost", period, by, top, currency="JPY")
    shown_rows = without_marks(found, by)
    shown_rows = shown_rows.drop("is_rest") if top else shown_rows
    assert_rows(shown_rows, REPORTS["cost"].dimensions[by], expected)
    assert_agrees(found.total.row(0, named=True), loaded(rows), "total")
    assert found.title.startswith(f"Loaded cost by {by.replace('_', ' ')}")
    assert "JPY" in found.title


def test_a_day_without_a_rate_is_no_part_of_a_loaded_cost_that_looks_whole(reader):
    for currency, period in (("EUR", PERIODS["whole days"]), ("JPY", PERIODS["all"])):
        with pytest.raises(UnexpectedInputError, match=f"without a rate of {currency}"):
            report(reader, "cost", period, "model", currency=currency)


@pytest.mark.parametrize("currency", ["EURO", "eur", "GBP"])
def test_an_unknown_currency_is_named_with_those_that_there_are(reader, currency):
    with pytest.raises(UsageError) as raised:
        report(reader, "cost", Period(), currency=currency)
    assert raised.value.cause == "the warehouse holds rates of EUR, JPY, USD"
    assert ("did you mean EUR" in raised.value.fix) == (currency != "GBP")


@pytest.mark.parametrize("name", sorted(REPORTS.keys() - {"cost"}))
def test_other_reports_have_no_loaded_cost(reader, name):
    with pytest.raises(UsageError, match="does not support --currency"):
        report(reader, name, Period(), currency="EUR")


def test_a_comparison_has_no_loaded_cost(reader):
    with pytest.raises(UsageError, match="exclude each other"):
        report(reader, "cost", Comparison(Period(HALF, LATE), Period(EARLY, HALF)), currency="EUR")


HALF = SECONDS[len(SECONDS) // 2].replace(tzinfo=UTC)
COMPARISONS = {
    "the later half with the earlier": Comparison(Period(HALF, LATE), Period(EARLY, HALF)),
    "overlapping": Comparison(Period(EARLY, LATE), Period(NOON, HALF)),
    "of legacy IDs": Comparison(PERIODS["whole days"], Period(NOON - timedelta(days=900), NOON)),
    "in another zone": Comparison(*(Period(*b, ZoneInfo("Asia/Tokyo")) for b in ((HALF, LATE), (EARLY, HALF)))),
    "with nothing": Comparison(Period(HALF, LATE), Period(HALF + timedelta(9_000), HALF + timedelta(9_001))),
}


def request_of(key, row):
    is_priced = row["cost_basis"] not in ("response_cache", "unknown", "byok_unknown")
    tokens = (row["native_tokens_prompt"] or 0) + (row["native_tokens_completion"] or 0)
    return Request(key, row["model"], row["provider_name"], row["total_usage"], is_priced, tokens)


@pytest.mark.parametrize("comparison", COMPARISONS.values(), ids=COMPARISONS)
@pytest.mark.parametrize("by", ["model", "provider", "user", "workspace", "cost_basis", "status"])
def test_a_change_and_its_parts_are_what_plain_python_makes_of_them(reader, comparison, by):
    now, before = ([row for row in FACTS if is_in(period, row)] for period in comparison)
    sides = ([request_of(KEYS[by](comparison.period, row), row) for row in rows] for rows in (before, now))
    rows, total = parts_of(*sides)
    found = report(reader, "cost", comparison, by)
    names = [f"{part}_usage" for part in PARTS]
    column = REPORTS["cost"].dimensions[by]
    assert {
        key: dict(zip(PARTS, parts, strict=True)) for key, *parts in found.rows.select(column, *names).rows()
    } == rows
    assert dict(zip(PARTS, found.total.select(names).row(0), strict=True)) == total
    spent = found.total.row(0, named=True)
    for requests, prefix in ((now, ""), (before, "earlier_")):
        assert spent[f"{prefix}request_count"] == len(requests)
        assert spent["total_usage" if not prefix else "earlier_usage"] == sum(r["total_usage"] for r in requests)
