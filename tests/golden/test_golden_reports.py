"""Every report says of the golden generations what plain Python makes of them: of all of history, and of a part."""

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from golden.expected import (
    DAY,
    METRICS,
    NOBODYS,
    QUANTILES,
    Near,
    anomalies_by,
    cost_anomalies,
    cost_forecast,
    costs,
    interpolated,
    is_success,
    kinds,
    known,
    number,
    percentiles,
    second_of,
    share,
    spent_daily,
    total,
    usd,
)
from golden.stored import EXPECTED, agrees
from golden.unusual_days import ACCOUNT
from ingest.reports.definitions import REPORTS
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
    "request": of("request_id"),
    "cost_basis": of("cost_basis"),
    "status": lambda _, row: None if row["status"] is None else str(row["status"]),
    "length": length,
    "source": of("source"),
    "state": of("state"),
    "reason": of("reason"),
}


def cache(rows):
    spent = {r["generation_id"]: r["total_usage"] for r in FACTS}
    hits = [r for r in rows if r["is_response_cache_hit"]]
    discounts = known(rows, "cache_discount")
    return {
        "request_count": len(rows),
        "cached_request_count": sum((r["native_tokens_cached"] or 0) > 0 for r in rows),
        "tokens_prompt": number(rows, "native_tokens_prompt"),
        "tokens_cached": number(rows, "native_tokens_cached"),
        "saved_usage": sum((d for d in discounts if d > 0), start=NOBODYS),
        "cache_write_usage": -sum((d for d in discounts if d < 0), start=NOBODYS),
        "cache_discount": total(rows, "cache_discount"),
        "total_usage": total(rows, "total_usage"),
        "usage_without_cache": total(rows, "total_usage") + total(rows, "cache_discount"),
        "response_cache_hits": len(hits),
        "response_cache_saved_usage": sum((spent.get(r["response_cache_source_id"], 0) for r in hits), start=NOBODYS),
        "cache_hit_rate": share(number(rows, "native_tokens_cached"), number(rows, "native_tokens_prompt")),
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


ABOUT = {r["generation_id"]: r for r in FACTS}
ATTEMPTS = [a | {"requested_day": ABOUT[a["generation_id"]]["requested_day"]} for a in EXPECTED.attempts]
LEDGER = [r | {"state": "settled", "reason": None} for r in FACTS]
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
    assert_rows(found.rows, column, {first: measures(groups[first]), "(other)": measures(rest)})


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("by", ["day", "model", "provider", "length"])
def test_latencies_are_what_plain_python_makes_of_them(reader, by, period):
    rows = [row for row in FACTS if is_in(period, row) and row["is_measured"]]
    is_exact = not (period.is_all and by in ("model", "provider"))
    expected = {
        key: {"request_count": len(group)} | percentiles(group, METRICS, exact=is_exact)
        for key, group in grouped(period, rows, by).items()
    }
    found = report(reader, "latency", period, by)
    assert_rows(without_marks(found, by), REPORTS["latency"].dimensions[by], expected)


def days_of(period, rows):
    first, last = (period.parameters()[name] for name in ("first_day", "last_day"))
    return [row for row in rows if first <= row["requested_day"] <= last]


DAYS = [PERIODS[name] for name in ("all", "from second to second", "whole days")]


BY = {"model": "model", "author": "model_author", "provider": "provider_name", "workspace": "workspace_id"}
BY |= {"app": "app_id", "user": "external_user"}


@pytest.mark.parametrize("period", DAYS)
@pytest.mark.parametrize("by", BY)
def test_anomalies_are_those_of_the_period_the_largest_first(reader, period, by):
    expected = {
        (r["requested_day"], *(("account", "(account)") if r["key"] is ACCOUNT else (by, name_of(r["key"])))): r
        for r in days_of(period, anomalies_by(EXPECTED, BY[by]))
    }
    found = report(reader, "anomalies", period, by).rows.to_dicts()
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
            f"p{percent}_{ending}": interpolated(known(measured, column), QUANTILES[percent])
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
