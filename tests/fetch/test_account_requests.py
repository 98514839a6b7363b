"""Several accounts in one run: each ID is settled by its own, and none is given up before all were asked."""

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clock import NOON, FakeClock
from support.scripted_answers import CONTENT, DAY, HOUR, METADATA, MINUTE, StandIn, item, items, read, readable_answer

from ingest.core.cancellation import RunCancellation
from ingest.core.errors import InterruptedRunError, KeyRefusedError, TryAgainLaterError, UnreachableError
from ingest.core.outcomes import Dead, Pending, Settled
from ingest.core.run_stats import RunStats
from ingest.core.settings import Settings
from ingest.fetch.account_requests import AccountRequests
from ingest.fetch.fetcher import Fetcher
from ingest.fetch.ratelimit.async_limiter import AsyncLimiter
from ingest.fetch.ratelimit.controller import RateController

NAMES = ("work", "home", "lab", "old")


def answer(status, path=METADATA, clock=None):
    body = json.dumps({"error": {"code": status, "message": "no"}}).encode()
    date = format_datetime(clock.now() if clock else NOON, usegmt=True)
    return read(status, body, {"Date": date}, path)


@dataclass
class Run:
    """What a run over several accounts did."""

    outcomes: dict
    asked: list
    stats: RunStats
    cancellation: RunCancellation
    limiters: dict

    def requests(self, generation_id):
        return [name for name, path, asked in self.asked if asked == generation_id and path == METADATA]


def fetch(scripts, work, **options):
    """Run the fetcher over accounts, each with a script of path and ID."""

    async def scenario():
        clock, cancellation, stats = FakeClock(), RunCancellation(), RunStats()
        chosen = Settings(**{"concurrency": 4} | options)
        asked, limiters, accounts = [], {}, []
        for name, script in scripts.items():
            end = cancellation.part() if len(scripts) > 1 else cancellation
            limiters[name] = AsyncLimiter(RateController(None, 4, 5.0), clock, end, stats)

            def noted(path, generation_id, name=name, script=script):
                asked.append((name, path, generation_id))
                return script(path, generation_id)

            accounts.append(
                AccountRequests(
                    StandIn(noted),
                    limiters[name],
                    end,
                    chosen,
                    clock,
                    stats,
                    lambda: 1.0,
                    name=name,
                    is_only=len(scripts) == 1,
                )
            )
        fetcher = Fetcher(accounts, cancellation, chosen, clock)
        outcomes = {outcome.item.generation_id: outcome async for outcome in fetcher.run(iter(work))}
        assert all(limiter.state().in_flight == 0 for limiter in limiters.values())
        assert stats.requests == len(asked) == sum(outcome.requests for outcome in outcomes.values())
        return Run(outcomes, asked, stats, cancellation, limiters)

    return asyncio.run(scenario())


def owner_of(owners):
    """For each account a script that knows the IDs that it owns."""
    return {
        name: lambda path, generation_id, name=name: (
            readable_answer(path, generation_id) if owners.get(generation_id) == name else answer(404, path)
        )
        for name in NAMES
    }


AGES = st.sampled_from([5 * MINUTE, 9 * MINUTE, 11 * MINUTE, HOUR, 23 * HOUR, 25 * HOUR, 3 * DAY, None])


@st.composite
def populations(draw):
    """Accounts, and IDs that belong to one of them or to none, some with an account that their source names."""
    names = NAMES[: draw(st.integers(1, 4))]
    work, owners = [], {}
    for _ in range(draw(st.integers(1, 12))):
        hint = draw(st.sampled_from([None, "gone", *names]))
        source = draw(st.sampled_from(["a.log", "b.log"]))
        runs, reason = draw(st.sampled_from([(0, None), (1, "not_found")]))
        one = replace(item(draw(AGES), runs=runs, reason=reason, account=hint), source=source)
        work.append(one)
        owners[one.generation_id] = draw(st.sampled_from([None, *names]))
    return names, work, owners


@settings(max_examples=120, deadline=None)
@given(populations(), st.integers(1, 4))
def test_each_id_is_settled_by_its_own_account_and_requests_are_bounded(drawn, concurrency):
    names, work, owners = drawn
    scripts = {name: script for name, script in owner_of(owners).items() if name in names}
    run = fetch(scripts, work, concurrency=concurrency)
    assert run.outcomes.keys() == owners.keys()
    assert not run.cancellation
    for one in work:
        outcome, asked = run.outcomes[one.generation_id], run.requests(one.generation_id)
        owner = owners[one.generation_id]
        age = NOON - one.requested_at if one.requested_at else timedelta.max
        if one.account in names:
            assert asked[0] == one.account
        if owner:
            assert isinstance(outcome, Settled)
            assert outcome.account == owner == asked[-1]
            assert len(asked) == len(set(asked)) <= len(names)
            assert one.account != owner or asked == [owner]
            continue
        rounds = 2 if age < 10 * MINUTE else 1
        assert Counter(asked) == dict.fromkeys(names, rounds)
        assert set(asked[: len(names)]) == set(names)  # all were asked before any was asked again
        past_grace = age >= DAY
        if past_grace and one.reason == "not_found":
            assert outcome == Dead(one, "not_found", 404, len(asked))
        else:
            assert isinstance(outcome, Pending)
            assert (outcome.reason, outcome.charged) == ("not_found" if past_grace else "not_found_yet", True)


@settings(max_examples=40, deadline=None)
@given(populations(), st.data())
def test_an_account_that_is_refused_keeps_its_ids_pending_and_the_others_go_on(drawn, data):
    names, work, owners = drawn
    refused = data.draw(st.sets(st.sampled_from(names), min_size=1))
    status, error = data.draw(st.sampled_from([(401, KeyRefusedError), (402, TryAgainLaterError)]))
    scripts = {name: script for name, script in owner_of(owners).items() if name in names}
    scripts |= {name: lambda path, _: answer(status, path) for name in refused}
    run = fetch(scripts, work)
    first = run.cancellation.error_of_parts
    was_asked = {name for name, *_ in run.asked} & refused
    assert (first is None) == (not was_asked)
    if was_asked:
        assert isinstance(first, error)
        assert any(name in first.what for name in was_asked)
    assert bool(run.cancellation) == (was_asked == set(names))
    for generation_id, outcome in run.outcomes.items():
        if owners[generation_id] in set(names) - refused:
            assert isinstance(outcome, Settled)
        else:
            assert isinstance(outcome, Pending)
            assert (outcome.reason, outcome.charged) == ("interrupted", False)
    for name in was_asked:
        assert sum(asked == name for asked, *_ in run.asked) <= 4  # what was under way, then nothing more


@pytest.mark.parametrize(
    ("status", "reason"), [(500, "http_500"), (408, "http_408"), (403, "forbidden"), (400, "http_400")]
)
def test_an_answer_that_is_no_404_decides_an_id_that_no_other_account_has(status, reason):
    one, other = items(2, 3 * DAY)

    def home(path, generation_id):
        return readable_answer(path, generation_id) if generation_id == other.generation_id else answer(404)

    run = fetch({"work": lambda *_: answer(status), "home": home}, [one, other])
    assert run.outcomes[one.generation_id].reason == reason
    assert isinstance(run.outcomes[one.generation_id], Dead if status == 400 else Pending)
    assert run.outcomes[other.generation_id].account == "home"


def test_a_404_after_a_failure_of_another_account_lets_no_id_age():
    one = item(3 * DAY, runs=1, reason="not_found")
    for scripts in (
        {"work": lambda *_: answer(404), "home": lambda *_: answer(500)},
        {"work": lambda *_: answer(500), "home": lambda *_: answer(404)},
    ):
        [outcome] = fetch(scripts, [one]).outcomes.values()
        assert isinstance(outcome, Pending)
        assert (outcome.reason, outcome.status) == ("http_500", outcome.status)


def test_the_account_that_had_the_last_id_of_a_source_is_asked_first_for_its_next():
    work = [replace(item(HOUR), source=source) for source in "ababab"]
    owners = {one.generation_id: "home" if one.source == "a" else "work" for one in work}
    scripts = {name: script for name, script in owner_of(owners).items() if name in ("work", "home")}
    run = fetch(scripts, work, concurrency=1)
    assert [run.requests(one.generation_id)[0] for one in work] == ["work", "work", "home", "work", "home", "work"]
    assert len(run.asked) == 7


def test_content_is_asked_at_the_account_that_has_the_id():
    one = item(HOUR)
    scripts = {name: s for name, s in owner_of({one.generation_id: "home"}).items() if name in ("work", "home")}
    run = fetch(scripts, [one], content=True)
    assert run.outcomes[one.generation_id].content.completion == "yes"
    assert [(name, path) for name, path, _ in run.asked] == [("work", METADATA), ("home", METADATA), ("home", CONTENT)]


def test_the_limiter_of_one_account_is_not_that_of_another():
    work, refusals = items(40, HOUR), defaultdict(int)

    def throttled(path, generation_id):
        refusals[generation_id] += 1
        return answer(429) if refusals[generation_id] == 1 else answer(404)

    owners = {one.generation_id: "home" for one in work}
    run = fetch({"work": throttled, "home": owner_of(owners)["home"]}, work)
    assert all(outcome.account == "home" for outcome in run.outcomes.values())
    assert run.limiters["work"].controller.learned
    assert not run.limiters["home"].controller.learned


def test_an_account_out_of_reach_ends_for_itself():
    from ingest.client.errors import OpenRouterConnectionError
    from ingest.client.result import Err

    work = items(3, HOUR)
    owners = {one.generation_id: "home" for one in work}
    scripts = {
        "work": lambda *_: Err(OpenRouterConnectionError("refused", connected=False)),
        "home": owner_of(owners)["home"],
    }
    run = fetch(scripts, work)
    assert [outcome.account for outcome in run.outcomes.values()] == ["home"] * 3
    assert isinstance(run.cancellation.error_of_parts, UnreachableError)
    assert not run.cancellation


def test_a_signal_ends_all_accounts():
    run = RunCancellation()
    parts = [run.part(), run.part()]
    run.set(InterruptedRunError(2))
    assert all(part.is_interrupted() for part in parts)


def test_the_run_ends_with_the_first_error_when_its_last_account_does():
    run = RunCancellation()
    parts = [run.part(), run.part(), run.part()]
    parts[1].set(error := KeyRefusedError("a", cause="b", fix="c"))
    parts[0].set()
    assert not run
    assert run.error_of_parts is error
    parts[2].set(UnreachableError("a", cause="b", fix="c"))
    assert run.error is error
