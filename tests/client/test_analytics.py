"""Questions to Analytics, and its answers in every shape."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from support.analytics_server import Analytics
from support.clock import FakeClock
from support.loopback import SECRET, body_of, hang, listening, recording, whole

from ingest.client.analytics import Query, Told, ask, ask_unless_too_much, known_metrics
from ingest.client.credentials import ApiKey
from ingest.client.management import ManagementClient
from ingest.core.errors import KeyRefusedError, OrusageError, UnexpectedInputError

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
QUERY = Query(["total_usage"], ["generation_id"], SINCE, SINCE + timedelta(hours=1), limit=2)
ROW = {"generation_id": "gen-1"}


def asked(answer, question=ask, query=QUERY, **options):
    async def run():
        async with listening(answer) as url:
            client = ManagementClient(lambda: ApiKey(SECRET, "a test"), url, clock=FakeClock(), **options)
            async with client:
                return await question(client, query)

    return asyncio.run(run())


def answering(data, requests=None, **beside):
    body = json.dumps({"data": data, **beside}).encode()
    return recording([] if requests is None else requests, whole(body))


def test_a_query_has_the_documented_form():
    requests = []
    query = Query(["a"], ["model", "workspace"], SINCE, SINCE, granularity="day", equal=[("api_key_id", "f" * 64)])
    asked(answering({"data": []}, requests), query=query)
    assert json.loads(body_of(requests[0])) == {
        "metrics": ["a"],
        "dimensions": ["model", "workspace"],
        "time_range": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"},
        "granularity": "day",
        "filters": [{"field": "api_key_id", "operator": "eq", "value": "f" * 64}],
        "limit": 10_000,
    }
    assert "granularity" not in QUERY.body()
    assert "filters" not in QUERY.body()


@pytest.mark.parametrize(
    ("data", "beside", "truncated"),
    [
        ({"data": [ROW], "metadata": {"truncated": True, "row_count": 1}}, {}, True),
        ({"data": [ROW, ROW], "metadata": {"truncated": False, "row_count": 9}}, {}, False),
        ({"data": [ROW], "metadata": {"truncated": "true"}}, {}, True),
        ({"data": [ROW, ROW], "metadata": {"truncated": "False"}}, {}, False),
        ({"data": [ROW], "metadata": {"row_count": "7"}}, {}, True),
        ({"data": [ROW], "metadata": {"row_count": 1}}, {}, False),
        ({"data": [ROW, ROW], "metadata": None}, {}, True),  # as many as were asked for
        ({"data": [ROW]}, {}, False),
        ([ROW], {"metadata": {"truncated": True}}, True),
        ([ROW], {}, False),
    ],
)
def test_what_an_answer_does_not_say_is_inferred(data, beside, truncated):
    told = asked(answering(data, **beside))
    assert told.truncated is truncated
    assert told.rows == [ROW] * len(told.rows) != []


def test_an_entry_that_is_no_row_is_an_empty_one():
    assert asked(answering({"data": [ROW, 7, None, [ROW]]}), query=Query([], [], SINCE, SINCE)).rows == [
        ROW,
        {},
        {},
        {},
    ]


@pytest.mark.parametrize("data", [None, 7, "rows", {}, {"data": None}, {"data": {"a": 1}}])
def test_an_answer_without_rows_is_not_of_the_expected_form(data):
    with pytest.raises(UnexpectedInputError) as caught:
        asked(answering(data))
    assert caught.value.code == 65


@pytest.mark.parametrize("warnings", [["sampled"], "sampled", [{"text": "sampled"}]])
@pytest.mark.parametrize("place", ["inside", "beside"])
def test_warnings_are_logged(warnings, place, caplog):
    inside, beside = ({"warnings": warnings}, {}) if place == "inside" else ({}, {"warnings": warnings})
    with caplog.at_level(logging.WARNING, "orusage"):
        asked(answering({"data": [], **inside}, **beside))
    assert "sampled" in caplog.text


def test_what_takes_the_server_too_long_is_told_apart_from_what_fails():
    assert asked(Analytics({}, status=408)._answer, ask_unless_too_much) is None
    assert asked(hang, ask_unless_too_much, timeout=0.1, patience=1.0) is None
    assert asked(answering({"data": []}), ask_unless_too_much) == Told([], truncated=False)
    for status, code in ((500, 69), (429, 75), (400, 65), (403, 77)):
        with pytest.raises(OrusageError) as caught:
            asked(Analytics({}, status=status)._answer, ask_unless_too_much, patience=5.0)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("listed", "known"),
    [
        ({"metrics": [{"name": "a"}, {"name": "x"}, 7, {}]}, ["a"]),
        ({"metrics": [{"name": "a"}, {"name": "b"}]}, ["a", "b"]),
        ({"metrics": [{"name": "x"}]}, ["a", "b"]),  # it names none of them: then it says nothing of them
        ({"metrics": []}, ["a", "b"]),
        ({"metrics": None}, ["a", "b"]),
        ([], ["a", "b"]),
        (None, ["a", "b"]),
    ],
)
def test_a_metric_that_is_not_listed_is_not_asked_for(listed, known):
    assert asked(answering(listed), known_metrics, ["a", "b"]) == known


def test_without_a_list_all_metrics_are_asked_for(caplog):
    with caplog.at_level(logging.WARNING, "orusage"):
        assert asked(Analytics({}, status=404)._answer, known_metrics, ["a"]) == ["a"]
    assert "does not list its metrics" in caplog.text
    with pytest.raises(KeyRefusedError):
        asked(Analytics({}, status=403)._answer, known_metrics, ["a"])
