"""The simulator over real sockets, as the tests and the demo use it."""

import json
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import KEY, environment
from support.logs import new_ids
from support.simulators import get, running_simulator

from ingest.simulator import fake_records
from ingest.simulator.faults import TokenBucket
from ingest.simulator.replies import MESSAGES

ID = new_ids(1)[0]


def status(simulation, path, key=KEY):
    return get(simulation, path, key)[0]


def test_an_answer_is_the_same_each_time(simulation):
    first, again = get(simulation, f"/generation?id={ID}"), get(simulation, f"/generation?id={ID}")
    assert first[0] == 200
    assert first[2] == again[2]
    assert json.loads(first[2])["data"]["id"] == ID


def test_all_three_operations_are_served(simulation):
    assert json.loads(get(simulation, "/key")[2])["data"]["label"]
    content = json.loads(get(simulation, f"/generation/content?id={ID}")[2])["data"]
    assert set(content) == {"input", "output", "error"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (None, 401),
        ("", 401),
        ("another", 401),
        ("sk-or-v1-invalid", 401),
        ("sk-or-v1-broke", 402),
        ("sk-or-v1-forbidden", 403),
    ],
)
def test_the_key_is_checked(simulation, key, expected):
    code, _, body = get(simulation, f"/generation?id={ID}", key)
    assert code == expected
    assert json.loads(body)["error"]["code"] == expected


@pytest.mark.parametrize("path", [f"/generation?id={ID}", f"/generation/content?id={ID}", "/key"])
def test_a_key_can_ask_for_any_error_and_gets_openrouters_body(simulation, path):
    for number in range(400, 600):
        code, headers, body = get(simulation, path, f"{KEY}-status-{number}-and-more")
        error = json.loads(body)["error"]
        assert (code, error["code"]) == (number, number)
        assert error["message"] == MESSAGES.get(number, "Provider returned error")
        assert set(error) == {"code", "message"}
        assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(("key", "expected"), [("status-", 200), ("status-42", 200), ("status-099", 200)])
def test_only_a_whole_status_counts(simulation, key, expected):
    assert status(simulation, f"/generation?id={ID}", f"{KEY}-{key}") == expected


def test_a_key_that_is_refused_is_refused_whatever_status_it_names(simulation):
    assert status(simulation, "/key", "sk-or-v1-invalid-status-503") == 401
    assert status(simulation, "/key", "another-status-503") == 401
    assert status(simulation, "/key", "sk-or-v1-broke-status-503") == 402


def test_an_inference_key_sees_everything_but_content(simulation):
    key = "sk-or-v1-inference"
    assert status(simulation, "/key", key) == 200
    assert status(simulation, f"/generation?id={ID}", key) == 200
    code, _, body = get(simulation, f"/generation/content?id={ID}", key)
    assert (code, json.loads(body)) == (403, {"error": {"code": 403, "message": MESSAGES[403]}})


def test_content_has_both_forms_of_input_and_the_errors_of_those_that_failed(simulation):
    ids = new_ids(400, seed=2)
    forms, previous = set(), set()
    for generation_id in ids:
        data = json.loads(get(simulation, f"/generation/content?id={generation_id}")[2])["data"]
        assert data == fake_records.content(1, generation_id)
        (form,) = data["input"]
        forms.add(form)
        failed = fake_records.record(1, generation_id)["finish_reason"] == "error"
        assert (data["error"] is not None) == (data["output"]["completion"] is None) == failed
        if failed:
            previous.add(len(data["error"]["previous_errors"]))
            assert {*data["error"]} == {"status", "message", "provider_name", "raw", "previous_errors"}
            for attempt in data["error"]["previous_errors"]:
                assert {*attempt} == {"code", "message", "provider_name", "raw"}
    assert forms == {"prompt", "messages"}
    assert len(previous) > 1


def test_content_is_throttled_and_missing_like_metadata(simulate):
    with simulate("--p404", "1") as simulation:
        assert status(simulation, f"/generation/content?id={ID}") == 404
        assert status(simulation, "/generation/content?id=gen-abc") == 400
    with simulate("--p429", "1") as simulation:
        assert status(simulation, f"/generation/content?id={ID}") == 429


def test_content_alone_serves_no_generation(simulate):
    with simulate() as simulation:
        get(simulation, f"/generation/content?id={ID}")
        served = simulation.served()
    assert (served["requests"], served["generations"], Decimal(served["total_usage"])) == (1, 0, 0)


@pytest.mark.parametrize(
    "path", ["/generation", "/generation?id=", "/generation?id=gen-abc", "/generation?id=../../etc"]
)
def test_what_is_no_id_is_a_bad_request(simulation, path):
    assert status(simulation, path) == 400


def test_an_id_is_not_there_for_a_while(simulate):
    recent, old = new_ids(1, age=timedelta(seconds=1), span=timedelta(0))[0], ID
    with simulate("--not-found-for", "1h") as simulation:
        code, headers, body = get(simulation, f"/generation?id={recent}")
        assert (code, json.loads(body)["error"]["message"]) == (404, f"Generation {recent} not found")
        assert "date" in {name.lower() for name in headers}
        assert status(simulation, f"/generation?id={old}") == 200


@pytest.mark.parametrize(
    ("option", "statuses"), [("--p429", {429}), ("--p529", {529}), ("--p500", {500, 502, 524}), ("--p404", {404})]
)
def test_a_fault_happens_to_the_share_asked_for_and_is_the_same_each_time(simulate, option, statuses):
    ids = new_ids(200, seed=4)
    seen = []
    for _ in range(2):
        with simulate(option, "0.3") as simulation:
            seen.append([status(simulation, f"/generation?id={i}") for i in ids])
    assert seen[0] == seen[1]
    assert set(seen[0]) == statuses | {200}
    assert 30 <= sum(s != 200 for s in seen[0]) <= 90


def test_throttling_hints_come_in_every_form_and_in_none(simulate):
    forms = set()
    with simulate("--p429", "1") as simulation:
        for generation_id in new_ids(40):
            _, headers, body = get(simulation, f"/generation?id={generation_id}")
            names = {name.lower() for name in headers}
            metadata = "metadata" in json.loads(body)["error"]
            forms.add(
                "retry-after" if "retry-after" in names else "reset" if "x-ratelimit-reset" in names else metadata
            )
    assert forms == {"retry-after", "reset", True, False}


@pytest.mark.parametrize("path", ["/generation", "/generation/content"])
def test_malformed_answers_come_in_three_forms(simulate, path):
    kinds = set()
    with simulate("--malformed", "1") as simulation:
        for generation_id in new_ids(30):
            code, _, body = get(simulation, f"{path}?id={generation_id}")
            assert code == 200
            kinds.add("html" if body.startswith(b"<") else "null" if body == b'{"data": null}' else "cut")
            if not body.startswith(b'{"data": null}'):
                with pytest.raises(json.JSONDecodeError):
                    json.loads(body)
    assert kinds == {"html", "null", "cut"}


def test_what_was_served_is_summed_per_distinct_generation(simulate):
    ids = new_ids(50)
    with simulate() as simulation:
        for generation_id in ids + ids:
            get(simulation, f"/generation?id={generation_id}")
        served = simulation.served()
    assert (served["requests"], served["generations"], served["statuses"]) == (100, 50, {"200": 100})
    assert sum(map(Decimal, served["total_usage_by_day"].values())) == Decimal(served["total_usage"]) > 0


def test_a_stop_that_comes_at_once_is_not_lost():
    for _ in range(5):
        with running_simulator():
            pass  # which ends it, and proves that it ended with 0


def test_a_taken_port_is_a_clear_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "ingest", "simulate", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=30, check=False)
    assert done.returncode == 73
    assert "--port" in done.stderr


@given(st.floats(0.5, 2000), st.floats(1, 500), st.lists(st.floats(0, 0.2), min_size=1, max_size=300))
def test_the_bucket_never_lets_more_through_than_its_rate_and_burst(rate, burst, gaps):
    bucket, now, passed = TokenBucket(rate, burst, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        wait = bucket.take(now)
        passed += wait == 0
        assert 0 <= wait <= 1 / rate
        assert passed <= burst + rate * now + 1e-6


def test_a_day_is_the_ids_own(simulate):
    second = int(datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC).timestamp())
    with simulate() as simulation:
        get(simulation, f"/generation?id=gen-{second}-AAAAAAAAAAAAAAAAAAAA")
        assert list(simulation.served()["total_usage_by_day"]) == ["2026-01-01"]
