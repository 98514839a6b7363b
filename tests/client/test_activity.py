from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.billing import asked

from ingest.client.activity import EXPECTED, activity_of, completed_days, read_activity
from ingest.core.errors import UnexpectedInputError

DAY = date(2026, 2, 21)
ROW = {
    "date": "2026-02-21",
    "model": "openai/gpt-4.1",
    "model_permaslug": "openai/gpt-4.1-2025-04-14",
    "endpoint_id": "550e8400-e29b-41d4-a716-446655440000",
    "provider_name": "OpenAI",
    "usage": Decimal("0.015"),
    "byok_usage_inference": Decimal("0.012"),
    "requests": 5,
    "prompt_tokens": 50,
    "completion_tokens": 125,
    "reasoning_tokens": 25,
    "cached_tokens": 60,
    "workspace_id": "default",
}


def test_the_days_are_the_thirty_completed_ones_and_never_today():
    days = completed_days(datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC))
    assert (days[0], days[-1], len(days)) == (date(2026, 1, 30), date(2026, 2, 28), 30)
    assert days == sorted(set(days))


def test_a_day_is_asked_by_workspace():
    asked_for = []

    def answer(path, params):
        asked_for.append((path, params))
        return {"data": [{**ROW, "usage": 0.015, "byok_usage_inference": 0.012}]}

    told = asked(answer, lambda client: activity_of(client, DAY))
    assert asked_for == [("/activity", {"date": "2026-02-21", "group_by": "workspace"})]
    assert (told.day, told.missing, told.ignored) == (DAY, {}, 0)
    assert {name: getattr(told.rows[0], name) for name in ROW if name != "date"} == {
        name: value for name, value in ROW.items() if name != "date"
    }
    assert told.rows[0].extra is None


@pytest.mark.parametrize("spelling", ["2026-02-21", "2026-02-21 00:00:00", "2026-02-21T00:00:00Z", None, "soon"])
def test_every_spelling_of_the_day_counts_and_no_day_is_the_one_asked_for(spelling):
    told = read_activity([{**ROW, "date": spelling}], DAY)
    assert (len(told.rows), told.ignored) == (1, 0)


def test_rows_of_other_days_are_left_out_and_counted():
    told = read_activity([ROW, {**ROW, "date": "2026-02-20"}, "odd", None, [ROW]], DAY)
    assert (len(told.rows), told.ignored) == (1, 4)


@pytest.mark.parametrize("data", [None, {"rows": []}, "none", 7])
def test_what_is_no_list_is_not_understood(data):
    with pytest.raises(UnexpectedInputError):
        read_activity(data, DAY)


ODD = st.sampled_from(["gone", None, "7", "12.50", 3, Decimal("0.5"), True, "much", [1], {"a": 1}])


@given(changes=st.lists(st.dictionaries(st.sampled_from([*ROW, "new"]), ODD, max_size=6), max_size=4))
def test_no_row_is_lost_and_no_field_of_it_whatever_its_fields_are(changes):
    """A field is in its column, or in extra; what every row should have and has not is counted."""
    rows = [{n: v for n, v in (ROW | change).items() if v != "gone"} | {"date": ROW["date"]} for change in changes]
    told = read_activity(rows, DAY)
    assert len(told.rows) == len(rows)
    missing = dict.fromkeys(EXPECTED, 0)
    for values, row in zip(rows, told.rows, strict=True):
        for name in set(values) - {"date"}:
            is_held = name != "new" and getattr(row, name) is not None
            assert is_held or values[name] is None or f'"{name}":' in row.extra
        for name in EXPECTED:
            missing[name] += getattr(row, name) is None
    assert told.missing == {name: count for name, count in missing.items() if count}
