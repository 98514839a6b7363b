"""Asking the billing endpoints: what comes is stored, what does not is said, and days are whole."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.billing import asked
from support.clock import NOON, FakeClock
from support.virtual_nights import account
from support.warehouses import IDS, chunk

from ingest.client.management import ManagementClient
from ingest.core.errors import KeyRefusedError, NoInputError, UnexpectedInputError, UnreachableError, UsageError
from ingest.pipeline.reconcile import collect, days_between, reconcile_days
from ingest.warehouse.warehouse import Warehouse

DAYS = [date(2026, 11, 17) + timedelta(days=n) for n in range(3)]
NAMES = {"/models": "models", "/credits": "credits", "/analytics/query": "Analytics", "/activity": "Activity of"}
ALL = set(NAMES)


def api(failing=(), status=500):
    """A server where some paths fail."""

    def answer(path, asked_for):
        if path in failing:
            return status
        if path == "/models":
            return {"data": [{"id": "a/x", "canonical_slug": "a/x-1"}, {"name": "no slug"}]}
        if path == "/credits":
            return {"data": {"total_credits": 10, "total_usage": 2.5}}
        if path == "/activity":
            row = {"date": asked_for["date"], "model": "a/x", "usage": 1, "requests": "2"}
            return {"data": [row, {**row, "date": "2020-01-01"}]}
        if path != "/analytics/query":
            return {"data": []}
        return {"data": {"data": [], "metadata": {"truncated": False}}}

    return answer


def collected(answer, **options):
    return asked(answer, lambda client: collect(client, DAYS), clock=FakeClock(), patience=5.0, **options)


def test_what_is_missing_or_left_out_in_answers_is_said():
    told = collected(api())
    assert not told.is_partial
    assert [day.day for day in told.answers.activity] == DAYS[::-1]
    assert told.problems == (
        "Activity: 3 rows without byok_usage_inference",
        "Activity: 3 rows without completion_tokens",
        "Activity: 3 rows without model_permaslug",
        "Activity: 3 rows without prompt_tokens",
        "Activity: 3 rows without provider_name",
        "Activity: 3 rows of another day or of another form, left out",
        "models: 1 entries without an ID, left out",
    )


@pytest.mark.parametrize("status", [404, 429, 500])
@pytest.mark.parametrize("path", sorted(ALL))
def test_whatever_does_not_answer_the_rest_comes_and_the_lack_is_said(path, status):
    told = collected(api([path], status))
    assert told.is_partial
    answers = told.answers
    assert (answers.models is None) == (path == "/models")
    assert (answers.credits is None) == (path == "/credits")
    assert bool(answers.activity) == (path != "/activity")
    assert len(answers.totals) == len(answers.key_days) == (0 if path == "/analytics/query" else 3)
    name = {"/models": "models", "/credits": "credits", "/analytics/query": "Analytics", "/activity": "Activity of"}[
        path
    ]
    said = [problem for problem in told.problems if problem.startswith(name) and "(" in problem]
    assert said
    if path == "/activity":
        assert len(said) == (3 if status == 404 else 1), "days are not asked in vain where no answer came for too long"


def test_if_nothing_answers_it_ends_soon():
    clock = FakeClock()
    with pytest.raises(UnreachableError):
        asked(api(ALL), lambda client: collect(client, DAYS), clock=clock, patience=60.0)
    assert clock.elapsed < 121


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", sorted(ALL - {"/models"}))
def test_a_key_of_the_wrong_kind_ends_it_at_once(path, status):
    with pytest.raises(KeyRefusedError) as caught:
        collected(api([path], status))
    assert "management" in caught.value.fix


def test_answers_of_another_form_are_said():
    with pytest.raises(UnexpectedInputError):
        collected(lambda *_: {"data": 7})


def test_without_a_warehouse_nothing_is_asked(tmp_path):
    client = ManagementClient(lambda: pytest.fail("the key is not needed"), "http://127.0.0.1:9/api/v1")
    with pytest.raises(NoInputError):
        asyncio.run(reconcile_days(tmp_path / "w.duckdb", DAYS, client, FakeClock()))


def test_days_that_openrouter_no_longer_tells_are_not_asked_for(tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse(path, NOON) as warehouse:
        warehouse.add(chunk(IDS), "run", NOON)
    asked_days = []

    def answer(path, asked_for):
        asked_days.extend([asked_for["date"]] if path == "/activity" else [])
        return api()(path, asked_for)

    days = days_between(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC), NOON)

    async def reconcile(client):
        await client.__aexit__()
        return await reconcile_days(path, days, client, FakeClock())

    assert not asked(answer, reconcile).is_partial
    assert (len(days), sorted(asked_days)) == (22, ["2026-10-21", "2026-10-22"])
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT count(*), sum(usage) FROM ops.activity").fetchall() == [(2, 2)]
        assert connection.execute("SELECT total_usage FROM ops.credits").fetchall() == [(Decimal("2.5"),)]


MOMENTS = st.datetimes(datetime(2026, 9, 1), datetime(2026, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(since=st.none() | MOMENTS, until=st.none() | MOMENTS, now=MOMENTS)
def test_the_days_are_completed_and_wholly_between_the_moments(since, until, now):
    first, last = (now - timedelta(days=30)).date(), now.date() - timedelta(days=1)
    candidates = [date(2026, 8, 1) + timedelta(days=n) for n in range(130)]

    def is_between(day):
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        is_after = begin >= since if since else day >= first
        return is_after and day <= last and (until is None or begin + timedelta(days=1) <= until)

    expected = [day for day in candidates if is_between(day)]
    if expected:
        assert days_between(since, until, now) == expected
    else:
        with pytest.raises(UsageError):
            days_between(since, until, now)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"])
def test_no_moment_is_too_far_away(moment):
    far, yesterday = datetime.fromisoformat(moment), date(2026, 11, 19)
    if far < NOON:
        assert days_between(far, None, NOON)[-1] == yesterday
        since, until = None, far
    else:
        assert days_between(None, far, NOON)[-1] == yesterday
        since, until = far, None
    with pytest.raises(UsageError):
        days_between(since, until, NOON)


FIRST = date(2026, 11, 1)


def test_where_activity_is_down_or_leaves_a_model_out_analytics_tells_what_there_is(tmp_path):
    """One account, whose Activity names no model of one kind; then one whose Activity is down."""
    seeds = {"left_out": ("openai/gpt-4o-mini",)}, {"down": ("/activity",)}
    for faults in seeds:
        folder = tmp_path / next(iter(faults))
        folder.mkdir()
        with account(folder, FIRST, traffic=25, seed=5, **faults) as each:
            each.write_log(FIRST)
            each.ingest()
            problems, found = each.reconcile(since=datetime(2026, 11, 1, tzinfo=UTC))
            calls = each.traffic.calls_of(FIRST)
            verdict = found.verdict
            assert verdict.coverage == 1
            assert (verdict.credits.missing, verdict.credits.excess, verdict.requests.missing) == (0, 0, 0)
            assert verdict.credits.billed == Decimal(sum(c.usage for c in calls)).scaleb(-12)
            if "down" in faults:
                assert problems.is_partial
                assert "on 1 days only Analytics answered, so that models cannot be told apart" in found.notes
            else:
                left_out = Decimal(sum(c.usage for c in calls if c.model == "openai/gpt-4o-mini")).scaleb(-12)
                assert verdict.credits.unlisted == left_out > 0
                assert found.report.rows.filter(found.report.rows["missing_usage"] < 0)["model"].to_list() == [
                    "openai/gpt-4o-mini"
                ]
