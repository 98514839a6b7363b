"""The billing API: it adds up exactly to the records, and has the traps of the real one."""

import json
import re
import urllib.error
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.commands import KEY
from support.logs import new_ids
from support.simulators import get, post

from ingest.simulator import fake_records
from ingest.simulator.account import BATCH, DEFAULT, KEYS, MEMBERS, WORKSPACES, key_of, workspace_of
from ingest.simulator.faults import Faults
from ingest.simulator.management import Management, Request
from ingest.simulator.models import ALL_MODELS, RETIRED
from ingest.simulator.population import Population
from ingest.simulator.spend import picodollars
from ingest.simulator.traffic import Traffic

NOW = datetime(2026, 11, 20, 12, 30, 15, 250_000, UTC)
SINCE = date(2026, 11, 5)
MANAGEMENT = f"{KEY}-management"
SPEND = ["total_usage", "credits_usage", "byok_usage", "byok_fees", "openrouter_usage"]


class Api:
    """The billing API at a moment, asked without sockets."""

    def __init__(self, *, served=(), now=NOW, **faults):
        self.faults = Faults(traffic_since=SINCE, **{"traffic": 20, **faults})
        self.traffic = Traffic(self.faults.seed, self.faults.traffic, SINCE, self.faults.unlogged)
        population = Population(self.traffic, served, lambda i: i not in self.missing, self.faults.seed, lambda: now)
        self.missing = set()
        self._management = Management(self.faults, population, lambda: now)

    def ask(self, path, key=MANAGEMENT, body=None, **query):
        method = "GET" if body is None else "POST"
        reply = self._management.answer(method, path, Request(query, json.dumps(body).encode(), key))
        return reply.status, json.loads(reply.body, parse_float=Decimal)

    def get(self, path, **query):
        status, answer = self.ask(path, **query)
        assert status == 200, answer
        return answer

    def analytics(self, **body):
        status, answer = self.ask("/analytics/query", body=body)
        assert status == 200, answer
        return answer["data"]

    def rows(self, metrics, dimensions=(), begin="2026-11-01T00:00:00Z", end="2026-11-21T00:00:00Z", **more):
        time_range = {"start": begin, "end": end}
        body = {"metrics": metrics, "dimensions": list(dimensions), "time_range": time_range, "limit": 10_000, **more}
        return self.analytics(**body)["data"]

    def records(self, begin=date.min, end=date.max):
        """The records that exist by now, by their IDs, as `/generation` serves them."""
        days = (SINCE + timedelta(days=n) for n in range((NOW.date() - SINCE).days + 1))
        records = {i: fake_records.record(self.faults.seed, i) for day in days for i in self.traffic.ids_of(day)}
        return {i: r for i, r in records.items() if created(r) < NOW and begin <= created(r).date() < end}


def created(record):
    return datetime.fromisoformat(record["created_at"])


def usd(amount):
    return Decimal(amount).scaleb(-12)


def added(rows, name):
    return sum((Decimal(row[name] or 0) for row in rows), Decimal(0))


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_analytics_activity_and_credits_add_up_to_the_records(seed, per_day):
    api = Api(seed=seed, traffic=per_day)
    records = api.records()
    rows = api.rows(["request_count", *SPEND, "tokens_prompt"], ["generation_id", "api_key_id"])
    told = {row["generation_id"]: row for row in rows}
    assert told.keys() == records.keys()
    for generation_id, record in records.items():
        row = told[generation_id]
        assert Decimal(row["total_usage"]) == usd(picodollars(record))
        assert row["total_usage"] == row["credits_usage"] + row["byok_usage"]
        assert row["credits_usage"] == row["openrouter_usage"] + row["byok_fees"]
        assert (int(row["request_count"]), int(row["tokens_prompt"])) == (1, record["native_tokens_prompt"])
    (total,) = api.rows(SPEND)
    assert Decimal(total["total_usage"]) == usd(sum(map(picodollars, records.values())))
    assert api.get("/credits")["data"]["total_usage"] == total["credits_usage"]
    completed = api.records(end=NOW.date())
    activity = api.get("/activity")["data"]
    assert added(activity, "usage") + added(activity, "byok_usage_inference") == usd(
        sum(map(picodollars, completed.values()))
    )
    assert sum(row["requests"] for row in activity) == len(completed)
    assert sum(row["prompt_tokens"] for row in activity) == sum(r["native_tokens_prompt"] for r in completed.values())


def test_activity_is_per_day_model_and_endpoint_and_workspace_if_asked_for():
    api = Api(traffic=60)
    rows, by_workspace = api.get("/activity")["data"], api.get("/activity", group_by="workspace")["data"]
    grain = Counter((row["date"][:10], row["model_permaslug"], row["provider_name"]) for row in rows)
    assert set(grain.values()) == {1}
    assert grain == Counter(
        {(str(created(r).date()), r["model"], r["provider_name"]): 1 for r in api.records(end=NOW.date()).values()}
    )
    assert not any("workspace_id" in row for row in rows)
    assert {row["workspace_id"] for row in by_workspace} == {DEFAULT.id, BATCH.id}
    assert added(rows, "usage") == added(by_workspace, "usage")
    assert {len(row["date"]) for row in rows} == {10, 19}
    assert any(row["model"] != row["model_permaslug"] for row in rows)
    endpoints = defaultdict(set)
    for row in rows:
        endpoints[row["endpoint_id"]].add((row["model_permaslug"], row["provider_name"]))
    assert {len(of) for of in endpoints.values()} == {1}


def test_activity_has_completed_days_only_thirty_of_them():
    late = Api(now=NOW + timedelta(days=26))
    days = sorted({row["date"][:10] for row in late.get("/activity")["data"]})
    assert (days[0], days[-1], len(days)) == ("2026-11-16", "2026-12-15", 30)
    assert {row["date"][:10] for row in late.get("/activity", date="2026-11-16")["data"]} == {"2026-11-16"}
    for day in ("2026-11-15", "2026-12-16", "2026-12-17", "yesterday"):
        assert late.ask("/activity", date=day)[0] == 400


def test_activity_per_key_workspace_and_member_adds_up_and_refuses_what_it_does_not_know():
    api = Api()
    whole = added(api.get("/activity")["data"], "usage")
    per_key = [added(api.get("/activity", api_key_hash=k.hash(1))["data"], "usage") for k in KEYS]
    assert sum(per_key) == whole > 0
    assert sum(added(api.get("/activity", workspace_id=w.id)["data"], "usage") for w in WORKSPACES) == whole
    assert sum(added(api.get("/activity", user_id=u)["data"], "usage") for u in {k.creator for k in KEYS}) == whole
    assert api.ask("/activity", api_key_hash="0" * 64)[0] == api.ask("/activity", workspace_id="x")[0] == 404
    assert api.ask("/activity", group_by="model")[0] == 400


def test_a_model_can_be_left_out_of_activity_but_not_of_analytics():
    model = Counter(r["model"] for r in Api().records(end=NOW.date()).values()).most_common(1)[0][0]
    api = Api(left_out=(model,))
    assert model not in {row["model_permaslug"] for row in api.get("/activity")["data"]}
    assert model in {row["model"] for row in api.rows(["request_count"], ["model"])}


def test_what_was_asked_for_beside_the_traffic_counts_too_and_what_is_missing_does_not():
    ids = new_ids(30, seed=3)
    none = Api(traffic=0)
    assert none.get("/credits")["data"] == {"total_credits": 100, "total_usage": 0}
    assert none.get("/activity")["data"] == []
    api = Api(traffic=0, served=ids, now=datetime(2026, 10, 2, tzinfo=UTC))
    api.missing.update(ids[:3])
    rows = api.rows(["total_usage"], ["generation_id"], "2026-09-15T00:00:00Z", "2026-10-02T00:00:00Z")
    assert {row["generation_id"] for row in rows} == set(ids[3:])
    of_traffic = Api().traffic.ids_of(SINCE)
    assert Api(served=of_traffic).get("/credits") == Api().get("/credits")


@settings(max_examples=15)
@given(st.integers(1, 30), st.integers(0, 10**6))
def test_halving_what_is_truncated_finds_every_generation_unless_one_second_has_too_many(row_limit, seed):
    api = Api(row_limit=row_limit, seed=seed, traffic=25)
    found, full_seconds = set(), 0

    def ask(begin, end):
        nonlocal full_seconds
        body = {"metrics": ["request_count"], "dimensions": ["generation_id"], "limit": 10_000}
        answer = api.analytics(**body, time_range={"start": iso(begin), "end": iso(end)})
        assert answer["metadata"]["row_count"] == len(answer["data"]) <= row_limit
        if answer["metadata"]["truncated"] and end - begin > timedelta(seconds=1):
            middle = begin + timedelta(seconds=(end - begin) // timedelta(seconds=2))
            ask(begin, middle)
            ask(middle, end)
        else:
            full_seconds += answer["metadata"]["truncated"]
            found.update(row["generation_id"] for row in answer["data"])

    ask(datetime(2026, 11, 5, tzinfo=UTC), datetime(2026, 11, 7, tzinfo=UTC))
    expected = set(api.records(end=date(2026, 11, 7)))
    assert found <= expected
    assert (found == expected) is (full_seconds == 0)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_second_may_have_more_generations_than_a_row_limit():
    seconds = Counter(created(r).replace(microsecond=0) for r in Api(traffic=100).records().values())
    assert max(seconds.values()) > 1


def test_rows_carry_names_where_filters_take_ids():
    api = Api(traffic=80)
    rows = api.rows(["request_count", "credits_usage"], ["api_key_id"])
    names = Counter(row["api_key_id"] for row in rows)
    assert names["batch"] == names["evaluation"] == 2
    assert {"prototype", "notebook", "trial", "production"} <= names.keys()
    for key in KEYS[:8]:
        for wanted in (key.hash(1), key.number, str(key.number)):
            (row,) = api.rows(
                ["credits_usage"], ["api_key_id"], filters=[{"field": "api_key_id", "operator": "eq", "value": wanted}]
            )
            assert row["api_key_id"] == key.name
    without = {"field": "api_key_id", "operator": "not_in", "value": [k.hash(1) for k in KEYS if k.name == "batch"]}
    assert names.keys() - {"batch"} == {
        r["api_key_id"] for r in api.rows(["request_count"], ["api_key_id"], filters=[without])
    }
    users = api.rows(["request_count"], ["user"])
    assert {(u["user"], u["user_email"]) for u in users} == {
        *((m.name, m.email) for m in MEMBERS),
        (None, None),
    }
    assert {w["workspace"] for w in api.rows(["request_count"], ["workspace"])} == {"Default", "Batch jobs"}


def test_counts_are_strings_or_numbers_money_is_a_number_and_unused_components_are_null():
    rows = Api().rows(["request_count", "total_usage", "usage_web", "usage_file"], ["generation_id"])
    assert {type(row["request_count"]) for row in rows} == {str, int}
    assert all(isinstance(row["total_usage"], (int, Decimal)) for row in rows)
    assert {row["usage_file"] for row in rows} == {None}
    assert {row["usage_web"] is None for row in rows} == {True, False}
    assert all(row["usage_web"] <= row["total_usage"] for row in rows if row["usage_web"])


@pytest.mark.parametrize(
    ("metric", "granularity", "key", "form"),
    [
        ("request_count", "day", "date__day", r"2026-11-\d\d"),
        ("request_count", "hour", "date__hour", r"2026-11-\d\dT\d\d:00:00\.000Z"),
        ("request_count", "week", "date__week", r"2026-11-(01|08|15)"),
        ("byok_fees", "day", "created_at__day", r"2026-11-\d\dT00:00:00\.000Z"),
        ("byok_fees", "month", "created_at__month", r"2026-11-01T00:00:00\.000Z"),
        ("byok_fees", "minute", "created_at__minute", r"2026-11-\d\dT\d\d:\d\d:00\.000Z"),
    ],
)
def test_the_bucket_has_two_spellings(metric, granularity, key, form):
    rows = Api().rows([metric, "credits_usage"], granularity=granularity, limit=10_000)
    for row in rows:
        assert re.fullmatch(form, row[key])
    assert len({row[key] for row in rows}) == len(rows)
    assert added(rows, "credits_usage") == Api().get("/credits")["data"]["total_usage"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"metrics": []},
        {"metrics": ["nothing"]},
        {"metrics": ["request_count"], "dimensions": ["model", "user", "app"]},
        {"metrics": ["request_count"], "dimensions": ["session_id"]},
        {"metrics": ["request_count"], "limit": 0},
        {"metrics": ["request_count"], "limit": 10_001},
        {"metrics": ["request_count"], "offset": 5},
        {"metrics": ["request_count"], "granularity": "second"},
        {"metrics": ["request_count"], "order_by": {"field": "model", "direction": "asc"}},
        {"metrics": ["request_count"], "filters": [{"field": "model", "operator": "like", "value": "x"}]},
        {"metrics": ["request_count"], "filters": [{"field": "model"}]},
        {"metrics": ["request_count"], "time_range": {"start": "2026-11-01T00:00Z", "end": "2026-11-02T00:00Z"}},
        {"metrics": ["request_count"], "time_range": {"start": "2026-11-02T00:00:00Z", "end": "2026-11-01T00:00:00Z"}},
        {"metrics": ["byok_fees"], "time_range": {"start": "2026-10-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"}},
        {"metrics": ["request_count"], "time_range": {"start": "2026-11-01", "end": None}},
    ],
)
def test_a_query_that_is_not_documented_is_refused(body):
    status, answer = Api().ask("/analytics/query", body=body)
    assert (status, answer["error"]["code"]) == (400, 400)


def test_rows_come_in_the_order_asked_for_and_meta_lists_what_may_be_asked():
    api = Api()
    for direction in ("asc", "desc"):
        rows = api.rows(["total_usage"], ["model"], order_by={"field": "total_usage", "direction": direction})
        spend = [row["total_usage"] for row in rows]
        assert spend == sorted(spend, reverse=direction == "desc")
    meta = api.get("/analytics/meta")["data"]
    names = [m["name"] for m in meta["metrics"]]
    assert api.rows(names)[0].keys() == set(names)
    for dimension in meta["dimensions"]:
        assert api.rows(["request_count"], [dimension["name"]])


def pages(api, path, **query):
    rows = []
    while page := api.get(path, offset=str(len(rows)), **query)["data"]:
        rows += page
    return rows


def test_keys_come_in_pages_of_one_workspace_without_disabled_and_expired_ones():
    api = Api()
    first = api.get("/keys")["data"]
    assert len(first) == 100
    every = {"include_disabled": "true", "include_expired": "true"}
    default = pages(api, "/keys")
    assert {k.name for k in KEYS if k.workspace is DEFAULT} - {k["name"] for k in default} == {
        "notebook",
        "trial",
        "prototype",
    }
    listed = [row for w in api.get("/workspaces")["data"] for row in pages(api, "/keys", workspace_id=w["id"], **every)]
    assert {row["hash"] for row in listed} == {k.hash(1) for k in KEYS if k.state != "deleted"}
    assert len(listed) == len({row["hash"] for row in listed}) > 120
    gone = next(k for k in KEYS if k.state == "deleted")
    assert added(listed, "usage") == api.get("/credits")["data"]["total_usage"] - added(
        api.rows(["credits_usage"], filters=[{"field": "api_key_id", "operator": "eq", "value": gone.hash(1)}]),
        "credits_usage",
    )
    assert {row["creator_user_id"] for row in listed} - {m["id"] for m in api.get("/organization/members")["data"]}
    assert api.ask("/keys", workspace_id="x")[0] == 404
    assert all(KEY not in row["label"] for row in listed)


def test_lists_can_be_endless():
    api = Api(endless=("/keys", "/workspaces", "/organization/members"))
    for path in api.faults.endless:
        first, later = api.get(path)["data"], api.get(path, offset="5000")["data"]
        assert len(first) == len(later) == 100
        assert first != later


def test_records_counters_and_lists_agree_on_workspace_and_key():
    api = Api(traffic=100)
    for generation_id, record in api.records().items():
        key = key_of(1, generation_id, workspace_of(record))
        assert record.get("workspace_id") in (None, key.workspace.id)
        assert record.get("api_key_id", key.number) == key.number
    production = next(row for row in api.get("/keys")["data"] if row["name"] == "production")
    status, own = api.ask("/key", key=KEY)
    assert status == 200
    assert {k: v for k, v in own["data"].items() if "usage" in k} == {
        k: v for k, v in production.items() if "usage" in k
    }
    assert own["data"]["usage"] >= own["data"]["usage_monthly"] >= own["data"]["usage_weekly"]
    assert own["data"]["is_management_key"] is False
    assert api.ask("/key")[1]["data"]["is_management_key"] is True


def test_models_are_listed_under_the_slug_and_told_under_the_permaslug():
    api = Api(traffic=100)
    models = {m["canonical_slug"]: m["id"] for m in api.get("/models")["data"]}
    assert models == {m.slug: m.listed_slug for m in ALL_MODELS if m.slug != RETIRED}
    told = {row["model_permaslug"]: row["model"] for row in api.get("/activity")["data"]}
    assert told.items() <= {*models.items(), (RETIRED, RETIRED)}
    assert {r["model"] for r in api.records().values()} <= {*models, RETIRED}
    page = api.get("/models", limit="10", offset="20")
    assert [m["canonical_slug"] for m in page["data"]] == list(models)[20:30]
    assert (page["total_count"], page["links"]["next"] is not None) == (len(models), True)


MANAGEMENT_PATHS = ["/activity", "/credits", "/keys", "/workspaces", "/organization/members", "/analytics/meta"]


def test_the_billing_api_wants_a_management_key_and_can_be_down():
    api = Api(down=("/activity",))
    for path in MANAGEMENT_PATHS:
        status, answer = api.ask(path, key=KEY)
        assert (status, answer["error"]["code"]) == (403, 403)
    assert api.ask("/analytics/query", key=KEY, body={"metrics": ["request_count"]})[0] == 403
    assert api.ask("/activity")[0] == 503
    assert api.ask("/credits")[0] == 200
    assert api.ask("/models", key="")[0] == 200


def test_an_unlogged_share_is_in_no_log_and_a_log_has_no_future():
    api = Api(traffic=200, unlogged=0.3)
    ids = api.traffic.ids_of(SINCE)
    logged = api.traffic.logged_ids(SINCE, NOW)
    assert 0.6 < len(logged) / len(ids) < 0.8
    assert Api(traffic=200).traffic.logged_ids(SINCE, NOW) == ids == sorted(ids, key=lambda i: i.split("-")[-2])
    today = Api(traffic=200).traffic.logged_ids(NOW.date(), NOW)
    assert 0 < len(today) < 200
    assert set(today) == set(Api(traffic=200).records(begin=NOW.date()))


def test_the_billing_api_over_sockets(simulate):
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with simulate("--traffic", "30", "--unlogged", "0.2", "--p404", "0.1") as simulation:
        lines = [json.loads(line) for line in simulation.log(yesterday).splitlines()]
        answers = [json.loads(get(simulation, f"/generation?id={line['response']['id']}")[2]) for line in lines]
        assert 10 < sum("data" in a for a in answers) < len(lines) < 30
        assert {a["data"]["usage"] for a in answers if "data" in a} <= {e["response"]["usage"]["cost"] for e in lines}
        activity = json.loads(get(simulation, f"/activity?date={yesterday}", MANAGEMENT)[2])["data"]
        begin = f"{yesterday}T00:00:00Z"
        body = {
            "metrics": ["request_count"],
            "time_range": {"start": begin, "end": begin.replace("00:00:00", "23:59:59")},
        }
        status, _, answer = post(simulation, "/analytics/query", body, MANAGEMENT)
        assert status == 200
        assert int(json.loads(answer)["data"]["data"][0]["request_count"]) == sum(row["requests"] for row in activity)
        assert get(simulation, "/activity")[0] == 403
        assert get(simulation, f"/generation?id={new_ids(1)[0]}", MANAGEMENT)[0] == 200
        assert get(simulation, "/models", None)[0] == 200
        assert get(simulation, "/credits", None)[0] == 401
        with pytest.raises(urllib.error.HTTPError, match="400"):
            simulation.log("someday")


def test_the_billing_api_fails_as_often_as_asked(simulate):
    for option, statuses in (("--p429", {429}), ("--p500", {500, 502, 524}), ("--p529", {529})):
        with simulate(option, "0.5") as simulation:
            seen = [get(simulation, "/credits", MANAGEMENT)[0] for _ in range(30)]
            assert set(seen) - {200} <= statuses
            assert 5 < seen.count(200) < 25
            assert get(simulation, "/key")[0] == 200
