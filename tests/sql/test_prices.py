"""Prices per token are found in the costs of whole answers, whatever the price list and the mix of tokens."""

import json
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from golden.expected import name_of
from hypothesis import given, settings
from hypothesis import strategies as st
from support.warehouses import schema_in_memory

from ingest.client.decode import decode_generation
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Settled, WorkItem
from ingest.warehouse.frames import normalize
from ingest.warehouse.staging import for_each_era

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST = date(2026, 10, 5)
KINDS = ("input", "cached", "output")
PRICES = st.tuples(*[st.sampled_from([0.01, 0.075, 0.3, 1.25, 3, 15, 75])] * 3)
"""USD per million tokens of input, cached input and output."""


@pytest.fixture(scope="module")
def memory():
    """The schema in memory."""
    with schema_in_memory() as connection:
        yield connection


class Answers:
    """Answers of the API whose cost follows from price lists."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.settled = []

    def add(self, day, provider, prices, count=12, kinds=KINDS, model="a/one", **odd):
        for _ in range(count):
            tokens = {kind: self.draw.randrange(1, 20_000) if kind in kinds else 0 for kind in KINDS}
            usage = sum(tokens[kind] * price for kind, price in zip(KINDS, prices, strict=True)) / 10**6
            data = {"model": model, "provider_name": provider, "usage": round(usage, 12), "is_byok": False}
            data |= {"native_tokens_prompt": tokens["input"] + tokens["cached"], "finish_reason": "stop"}
            data |= {"native_tokens_cached": tokens["cached"], "native_tokens_completion": tokens["output"]} | odd
            second = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + len(self.settled)
            generation_id = f"gen-{second}-{''.join(self.draw.choices('abcdefghij', k=20))}"
            body = json.dumps({"data": data | {"id": generation_id}}).encode()
            item = WorkItem(generation_id, second_of(generation_id), "a.log", 0)
            self.settled.append(Settled(item, decode_generation(body).data, NOW, 1))
        return self


def prices_of(connection, answers):
    connection.execute("DELETE FROM generations")
    for_each_era(connection, normalize(answers.settled, "run").generations, "facts/insert_generations")
    result = connection.execute("FROM effective_prices ORDER BY requested_day, provider_name")
    names = [d[0] for d in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def told(row):
    return tuple(row[f"{kind}_price"] for kind in KINDS)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), prices=PRICES, kinds=st.sets(st.sampled_from(KINDS), min_size=1))
def test_the_price_list_behind_the_costs_is_found(memory, seed, prices, kinds):
    [row] = prices_of(memory, Answers(seed).add(FIRST, "P", prices, kinds=kinds))
    wanted = [price if kind in kinds else None for kind, price in zip(KINDS, prices, strict=True)]
    assert told(row) == tuple(None if p is None else pytest.approx(p, rel=1e-5, abs=1e-8) for p in wanted)
    assert row["unexplained_share"] < 1e-5
    assert (row["price_change"], row["cheaper_provider"], row["saveable_usage"]) == (None, None, None)


ODD = {
    "an unknown cost": {"usage": None},
    "BYOK of unknown cost": {"is_byok": True, "upstream_inference_cost": None},
    "a copy": {"usage": 0, "response_cache_source_id": "gen-1600000000-elsewhere00000000000"},
    "a charge without tokens": {"native_tokens_prompt": 0, "native_tokens_cached": 0, "native_tokens_completion": None},
    "a web search": {"num_search_results": 5, "usage": 0.5},
    "a failed answer": {"finish_reason": "error", "usage": 0},
    "a cancelled answer": {"cancelled": True, "usage": 0.9},
    "a refund": {"is_byok": True, "usage": 0, "upstream_inference_cost": -0.2},
}


@pytest.mark.parametrize("name", ODD)
def test_what_tells_no_price_leaves_prices_as_they_are(memory, name):
    answers = Answers(1).add(FIRST, "P", (3, 0.3, 15))
    plain = prices_of(memory, answers)
    assert prices_of(memory, answers.add(FIRST, "P", (3, 0.3, 15), 3, **ODD[name])) == plain


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32), prices=PRICES, factor=st.sampled_from([0.5, 0.98, 1, 1.1, 3]), gap=st.integers(1, 40)
)
def test_a_change_of_the_price_list_is_told_on_its_day(memory, seed, prices, factor, gap):
    days = [FIRST, FIRST + timedelta(days=gap), FIRST + timedelta(days=2 * gap)]
    answers = Answers(seed).add(days[0], "P", prices).add(days[1], "P", [p * factor for p in prices])
    rows = prices_of(memory, answers.add(days[2], "P", [p * factor for p in prices]))
    assert [row["requested_day"] for row in rows] == days
    assert [row["price_change"] for row in rows] == [
        None,
        pytest.approx(factor - 1, abs=1e-6),
        pytest.approx(0, abs=1e-6),
    ]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), lists=st.lists(PRICES, min_size=2, max_size=4))
def test_the_provider_at_which_the_same_tokens_cost_least_is_named(memory, seed, lists):
    answers = Answers(seed)
    offers = {f"P{n}": prices for n, prices in enumerate(lists)}
    for provider, prices in offers.items():
        answers.add(FIRST, provider, prices)
    answers.add(FIRST, "other model", (0, 0, 0), model="b/free")
    for row in prices_of(memory, answers):
        here = row["provider_name"]
        if here == "other model":
            assert row["cheaper_provider"] is None
            continue
        tokens = [row[name_of(kind)] for kind in KINDS]
        usages = {p: sum(t * x for t, x in zip(tokens, offers[p], strict=True)) / 10**6 for p in offers}
        cheaper = {p: usage for p, usage in usages.items() if p != here and usage < 0.99 * usages[here]}
        if not cheaper:
            assert (row["cheaper_provider"], row["saveable_usage"]) == (None, None)
        else:
            best = min(cheaper.values())
            assert cheaper[row["cheaper_provider"]] == pytest.approx(best, rel=1e-6)
            assert float(row["saveable_usage"]) == pytest.approx(usages[here] - best, rel=1e-5, abs=1e-9)


def test_prices_that_cannot_be_told_apart_are_not_told(memory):
    [row] = prices_of(memory, Answers(1).add(FIRST, "P", (3, 0.3, 15), 1))
    assert (told(row), row["unexplained_share"]) == ((None, None, None), None)
    assert row["blended_price"] == pytest.approx(
        10**6 * float(row["total_usage"]) / sum(row[name_of(kind)] for kind in KINDS)
    )


def test_few_answers_with_costs_of_their_own_are_not_compared(memory):
    """One list does not explain them: the change may be their noise. From 30 answers on it is told."""
    for count, is_told in ((8, False), (15, True)):
        answers = Answers(3)
        for day, factor in ((FIRST, 1), (FIRST + timedelta(days=1), 2)):
            answers.add(day, "P", (3 * factor, 0, 15 * factor), count, kinds=("input", "output"))
            answers.add(day, "P", (3.3 * factor, 0, 16.5 * factor), count, kinds=("input", "output"))
        _, row = prices_of(memory, answers)
        assert (row["price_change"] is not None) == is_told
        assert not is_told or row["price_change"] == pytest.approx(1, abs=0.1)
        assert 0.01 < row["unexplained_share"] < 0.1
