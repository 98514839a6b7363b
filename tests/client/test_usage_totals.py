from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.billing import asked

from ingest.client.usage_totals import read_totals, totals_of
from ingest.core.billing_records import UsageTotal
from ingest.core.errors import UnexpectedInputError

FIRST = date(2026, 10, 28)
DAYS = [FIRST + timedelta(days=n) for n in range(30)]


def analytics(rows, limit=10_000):
    """A server that has these rows, and truncates."""

    def answer(path, body):
        assert path == "/analytics/query"
        assert body["metrics"] == ["request_count", "credits_usage", "byok_usage"]
        begin, end = (date.fromisoformat(body["time_range"][name][:10]) for name in ("start", "end"))
        found = [row for day, row in rows if begin <= day < end]
        metadata = {"truncated": len(found) > limit, "row_count": min(len(found), limit)}
        return {"data": {"data": found[:limit], "metadata": metadata}}

    return answer


def row(day, count=1, **names):
    return {"date__day": day.isoformat(), "request_count": count, "credits_usage": 0.5, "byok_usage": None} | names


def test_a_day_without_traffic_has_a_total_of_nothing():
    told = asked(analytics([(DAYS[1], row(DAYS[1], "7"))]), lambda client: totals_of(client, DAYS[:3]))
    assert sorted(told, key=lambda t: t.day) == [
        UsageTotal(DAYS[0], 0, Decimal(0), Decimal(0)),
        UsageTotal(DAYS[1], 7, Decimal("0.5"), None),
        UsageTotal(DAYS[2], 0, Decimal(0), Decimal(0)),
    ]


def test_without_days_nothing_is_asked():
    assert asked(lambda *_: 500, lambda client: totals_of(client, [])) == []


@settings(max_examples=15)
@given(counts=st.lists(st.integers(0, 6), min_size=1, max_size=30), limit=st.integers(6, 40))
def test_a_cut_answer_is_asked_for_in_halves_until_nothing_is_cut(counts, limit):
    rows = [
        (day, row(day, api_key_id=f"key-{n}")) for day, count in zip(DAYS, counts, strict=False) for n in range(count)
    ]
    days = DAYS[: len(counts)]
    told = asked(analytics(rows, limit), lambda client: totals_of(client, days, by_key=True))
    assert [(t.day, t.api_key_label) for t in told] == [(day, each["api_key_id"]) for day, each in rows]


def test_a_day_that_is_cut_is_an_error():
    rows = [(FIRST, row(FIRST, api_key_id=f"key-{n}")) for n in range(3)]
    with pytest.raises(UnexpectedInputError, match="not understood"):
        asked(analytics(rows, 2), lambda client: totals_of(client, DAYS, by_key=True))


@pytest.mark.parametrize(
    "bucket", [{"date__day": "2026-10-28"}, {"created_at__day": "2026-10-28T00:00:00.000Z"}, {"date": "2026-10-28"}]
)
def test_each_spelling_of_the_bucket_is_read(bucket):
    rows = [{"request_count": "3", "credits_usage": "1.5", "byok_usage": 0, "api_key_id": None} | bucket]
    assert list(read_totals(rows, [FIRST], by_key=True)) == [UsageTotal(FIRST, 3, Decimal("1.5"), Decimal(0))]


def test_rows_of_other_days_do_not_count():
    """The end of a range may be meant inclusively."""
    other = FIRST + timedelta(days=1)
    assert [t.request_count for t in read_totals([row(FIRST), row(other, 9)], [FIRST], by_key=False)] == [1]


@pytest.mark.parametrize("data", [None, {}, {"data": {}}, {"data": [7]}])
def test_what_is_no_list_of_rows_is_not_understood(data):
    with pytest.raises(UnexpectedInputError):
        asked(lambda *_: {"data": data}, lambda client: totals_of(client, DAYS[:1]))


def test_a_row_without_a_day_is_not_understood():
    with pytest.raises(UnexpectedInputError):
        list(read_totals([{"request_count": 1}], [FIRST], by_key=False))
