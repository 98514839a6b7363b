"""`orusage get`: the installed command against the simulator and a server that says what a test wants."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from support.commands import KEY, environment
from support.logs import new_ids
from support.long_form import long

from ingest.client import errors
from ingest.client.accounts import Account
from ingest.client.credentials import ApiKey
from ingest.client.errors import BY_STATUS
from ingest.client.retry import RetryConfig
from ingest.core.errors import Exit
from ingest.fetch import lookup
from ingest.fetch.lookup import look_up
from ingest.simulator import fake_records

IDS = new_ids(12, seed=11)
ID = IDS[0]
LEGACY = "gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG"
NOWHERE = "http://127.0.0.1:9/api/v1"


def only(server):
    """The account of a run without any in the configuration."""
    return Account(None, lambda: ApiKey(KEY, "a test"), server.base_url)


HALF = object()
"""Instead of a body: the beginning of one, of which the rest never comes."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        """A client that goes away is no error here."""


class Scripted:
    """A server on loopback; `script` takes path and ID, and returns status, headers and body."""

    def __init__(self, script):
        self.requests = []
        self.halves = threading.Semaphore(0)
        self._is_over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                parts = urlsplit(self.path)
                outer.requests.append((self.path, self.headers))
                status, headers, body = script(parts.path, parse_qs(parts.query).get("id", [""])[0])
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "1000" if body is HALF else str(len(body)))
                self.end_headers()
                if body is HALF:
                    self.wfile.write(b'{"data": ')
                    outer.halves.release()
                    outer._is_over.wait()
                else:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/api/v1"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def saying(status, body=b"", **headers):
    return Scripted(lambda _path, _id: (status, headers, body))


def error_body(status, message):
    return json.dumps({"error": {"code": status, "message": message}}).encode()


def record_body(generation_id, *fields):
    """A generation, with further fields as they are written."""
    return f'{{"data": {{"id": "{generation_id}", "model": "a/b", {", ".join(fields)} }}}}'.encode()


@pytest.fixture
def get(orusage):
    def run(server, *arguments, **options):
        return orusage("get", *arguments, "--base-url", getattr(server, "base_url", server), **options)

    return run


def assert_three_lines(err):
    what, cause, fix = err.strip().splitlines()[-3:]
    assert what.startswith("orusage: ")
    assert cause.startswith("  cause: ")
    assert fix.startswith("  fix:   ")


def assert_is_the_record(printed, generation_id, content="not asked for"):
    """All that the simulator has of it, numbers to the last digit; None for what older answers lack."""
    printed = json.loads(printed, parse_float=Decimal)
    if content == "not asked for":
        assert "content" not in printed
    else:
        assert printed.pop("content") == content
    record = json.loads(json.dumps(fake_records.record(1, generation_id)), parse_float=Decimal)
    for name, value in record.items():
        if name not in ("created_at", "provider_responses"):
            assert printed[name] == value, name
    assert all(value is None for name, value in printed.items() if name not in record)
    attempts = record["provider_responses"] or []
    for told, attempt in zip(printed["provider_responses"] or [], attempts, strict=True):
        assert attempt.items() <= told.items()


# What is printed.


def test_one_id_is_printed_as_indented_json(get, simulation, tmp_path):
    done = get(simulation, ID)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith('{\n  "id": "gen-')
    assert done.out.endswith("\n}\n")
    assert_is_the_record(done.out, ID)
    assert list(tmp_path.iterdir()) == []  # nothing is stored


def test_several_are_printed_as_a_line_each_in_the_order_given(get, simulation):
    ids = [*IDS, LEGACY, IDS[3], ID.replace("gen-", "gen-emb-")]
    done = get(simulation, *ids)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids
    for line, generation_id in zip(lines, ids, strict=True):
        assert_is_the_record(line, generation_id)


def test_an_answer_that_comes_late_keeps_its_place(get):
    last_was_asked = threading.Event()

    def script(_path, generation_id):
        if generation_id == IDS[2]:
            last_was_asked.set()
        else:
            assert last_was_asked.wait(30)
        return 200, {}, record_body(generation_id, '"usage": 0')

    with Scripted(script) as server:
        done = get(server, *IDS[:3])
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == IDS[:3]


def test_content_stands_beside_the_metadata(get, simulation):
    done = get(simulation, "--content", *IDS)
    assert done.code == 0
    for line, generation_id in zip(done.out.splitlines(), IDS, strict=True):
        assert_is_the_record(line, generation_id, fake_records.content(1, generation_id))
    forms = {form for generation_id in IDS for form in fake_records.content(1, generation_id)["input"]}
    assert forms == {"prompt", "messages"}
    one = get(simulation, "--content", ID)
    assert one.out.startswith("{\n")
    assert_is_the_record(one.out, ID, fake_records.content(1, ID))


def test_money_is_printed_as_it_came(get):
    texts = ["0.0024080000000000004", "6.02e-06", "0", "-0.00012", "123456789.123456789"]
    names = ["usage", "upstream_inference_cost", "total_cost", "cache_discount", "usage_cache"]
    fields = [f'"{name}": {text}' for name, text in zip(names, texts, strict=True)]
    with Scripted(lambda _path, generation_id: (200, {}, record_body(generation_id, *fields))) as server:
        one, two = get(server, ID).out, get(server, ID, ID).out.splitlines()[1]
    for printed in (one, two):
        values = json.loads(printed, parse_float=Decimal)
        assert [values[name] for name in names] == [Decimal(text) for text in texts]
    assert '"usage": 0.0024080000000000004,' in one
    assert '"usage":0.0024080000000000004,' in two


# What is missing.


def test_a_key_without_rights_gets_the_metadata_and_is_told(get, simulation):
    done = get(simulation, "--content", *IDS[:2], OPENROUTER_API_KEY="sk-or-v1-inference-0123456789")
    assert done.code == Exit.PARTIAL
    for line, generation_id in zip(done.out.splitlines(), IDS[:2], strict=True):
        assert_is_the_record(line, generation_id, None)
    assert done.err.splitlines() == [f"{i}: Only management keys can perform this operation" for i in IDS[:2]]


def test_an_id_that_is_not_there_is_named_and_the_others_are_printed(get, simulate):
    with simulate("--p404", "0.5") as simulation:
        done = get(simulation, *IDS)
        printed = [json.loads(line)["id"] for line in done.out.splitlines()]
        missing = [i for i in IDS if i not in printed]
        assert 0 < len(missing) < len(IDS)
        assert printed == [i for i in IDS if i in printed]
        assert done.code == Exit.PARTIAL
        assert done.err.splitlines() == [f"{i}: Generation {i} not found" for i in missing]
        alone = get(simulation, missing[0])
    assert (alone.code, alone.out) == (Exit.PARTIAL, "")
    assert alone.err == f"{missing[0]}: Generation {missing[0]} not found\n"


@pytest.mark.parametrize(
    ("status", "named"), [(403, "http"), (400, "http"), (410, "http"), (500, "again"), (503, "again"), (529, "again")]
)
def test_an_id_that_fails_does_not_cost_the_others(monkeypatch, status, named):
    monkeypatch.setattr(lookup, "PATIENCE", RetryConfig("none"))

    def script(_path, generation_id):
        if generation_id == IDS[1]:
            return status, {}, error_body(status, f"{named} {status}")
        return 200, {}, record_body(generation_id, '"usage": 0')

    with Scripted(script) as server:
        found = list(look_up(IDS[:3], [only(server)], timeout=30, content=False))
    assert [f.generation_id for f in found] == IDS[:3]
    assert [f.record is None for f in found] == [False, True, False]
    assert [f.problem and f.problem.message for f in found] == [None, f"{named} {status}", None]


@pytest.mark.parametrize("status", [401, 402, 404, 429, 500])
def test_content_that_fails_never_costs_the_metadata(monkeypatch, status):
    monkeypatch.setattr(lookup, "PATIENCE", RetryConfig("none"))

    def script(path, generation_id):
        if path.endswith("/content"):
            return status, {}, error_body(status, "no")
        return 200, {}, record_body(generation_id, '"usage": 0')

    with Scripted(script) as server:
        (found,) = look_up([ID], [only(server)], timeout=30, content=True)
    record = json.loads(found.record)
    assert (record["id"], record["content"]) == (ID, None)
    assert found.problem.status_code == status


# What ends the command.


@pytest.mark.parametrize(
    ("key", "code"), [("sk-or-v1-invalid-0123456789", Exit.KEY_REFUSED), ("sk-or-v1-broke-0123", Exit.TRY_AGAIN_LATER)]
)
def test_a_refused_key_ends_it(get, simulation, key, code):
    done = get(simulation, *IDS, OPENROUTER_API_KEY=key)
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 3
    assert_three_lines(done.err)


def test_a_server_that_asks_for_more_patience_than_there_is_ends_it(get):
    with saying(429, error_body(429, "Rate limit exceeded"), **{"Retry-After": "299"}) as server:
        done = get(server, ID)
    assert (done.code, done.out, len(server.requests)) == (Exit.TRY_AGAIN_LATER, "", 1)
    assert_three_lines(done.err)


def test_an_api_out_of_reach_ends_it(get):
    done = get(NOWHERE, ID)
    assert (done.code, done.out) == (Exit.UNREACHABLE, "")
    assert_three_lines(done.err)
    assert NOWHERE in done.err


HTML = b"<!DOCTYPE html><title>Just a moment...</title>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, HTML),
        (200, b'{"data": {"id": "ge'),
        *(long(*each) for each in ((200, HTML), (404, HTML), (200, b'{"data": null}'), (200, b""))),
    ],
)
def test_something_else_than_the_api_ends_it(get, status, body):
    with saying(status, body) as server:
        done = get(server, ID)
    assert (done.code, done.out, len(server.requests)) == (Exit.UNEXPECTED_INPUT, "", 1)
    assert_three_lines(done.err)
    assert "Just a moment" not in done.err


@pytest.mark.parametrize("status", [307, long(302), long(308)])
def test_a_redirect_ends_it_and_the_key_goes_nowhere(get, status):
    with (
        Scripted(lambda _path, generation_id: (200, {}, record_body(generation_id, '"usage": 0'))) as elsewhere,
        saying(status, Location=f"{elsewhere.base_url}/generation?id={ID}") as server,
    ):
        done = get(server, ID)
    assert (done.code, done.out) == (Exit.UNREACHABLE, "")
    assert (len(server.requests), elsewhere.requests) == (1, [])
    assert_three_lines(done.err)


def test_what_came_before_the_end_is_printed(get):
    def script(_path, generation_id):
        if generation_id == IDS[1]:
            return 401, {}, error_body(401, "User not found.")
        return 200, {}, record_body(generation_id, '"usage": 0')

    with Scripted(script) as server:
        done = get(server, *IDS[:3])
    assert done.code == Exit.KEY_REFUSED
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == IDS[:1]


def test_the_end_does_not_wait_for_answers_that_are_half_read(get):
    def script(_path, generation_id):
        if generation_id != IDS[0]:
            return 200, {}, HALF
        for _ in IDS[1:4]:
            assert server.halves.acquire(timeout=30)
        return 401, {}, error_body(401, "User not found.")

    with Scripted(script) as server:
        began = time.monotonic()
        done = get(server, *IDS[:4], "--timeout", "20s")
        took = time.monotonic() - began
    assert (done.code, done.out) == (Exit.KEY_REFUSED, "")
    assert took < 10


def test_ctrl_c_ends_it_at_once(tmp_path):
    with saying(200, HALF) as server:
        arguments = ("get", *IDS[:3], "--timeout", "20s", "--base-url", server.base_url)
        command = [sys.executable, "-m", "ingest", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=tmp_path, env=environment(), **pipes) as process:
            for _ in IDS[:3]:
                assert server.halves.acquire(timeout=30)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            took = time.monotonic() - began
    assert (process.returncode, out) == (Exit.INTERRUPTED, b"")
    assert b"Traceback" not in err
    assert took < 10


def refusal(status, error=None):
    answer = httpx.Response(status, request=httpx.Request("GET", NOWHERE))
    return BY_STATUS.get(status, errors.OpenRouterDefaultError)("told", answer, error)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refusal(401), Exit.KEY_REFUSED),
        (refusal(402), Exit.TRY_AGAIN_LATER),
        (refusal(429), Exit.TRY_AGAIN_LATER),
        (refusal(302), Exit.UNREACHABLE),
        (errors.OpenRouterConnectionError("refused", connected=False), Exit.UNREACHABLE),
        (refusal(404), Exit.UNEXPECTED_INPUT),  # not OpenRouter's own
        (refusal(404, {"code": 404}), None),
        (refusal(403, {"code": 403}), None),
        (refusal(400, {"code": 400}), None),
        (refusal(500), None),
        (refusal(503), None),
        (refusal(529), None),
        (errors.RequestTimeoutError("late"), None),
        (errors.RequestAbortedError("closed"), None),
        (errors.OpenRouterConnectionError("reset", connected=True), None),
    ],
)
def test_what_ends_it_and_what_the_next_id_may_survive(error, code):
    stop = lookup._stop(error, Account(None, pytest.fail, NOWHERE))
    assert (stop and stop.code) == code
    assert stop is None or all((stop.what, stop.cause, stop.fix))


# Nothing is sent.


@pytest.mark.parametrize("generation_id", ["", "gen-a\r\nX-Evil: 1", *map(long, ("gen-a&id=b#c", "../../etc", "é"))])
def test_what_is_no_id_is_a_usage_error_before_anything_is_sent(get, generation_id):
    with saying(200, HTML) as server:
        done = get(server, "--", generation_id)
    assert (done.code, done.out, server.requests) == (Exit.USAGE, "", [])
    assert_three_lines(done.err)


def test_an_endless_id_is_cut_in_the_message(get):
    with saying(200, HTML) as server:
        done = get(server, "gen-" + "x" * 100_000)
    assert (done.code, server.requests) == (Exit.USAGE, [])
    assert len(done.err) < 1000


@pytest.mark.parametrize("place", [12, long(0), long(3)])
def test_one_that_is_no_id_among_others_sends_nothing_either(get, place):
    with Scripted(lambda _path, generation_id: (200, {}, record_body(generation_id, '"usage": 0'))) as server:
        done = get(server, *IDS[:place], "../../etc", *IDS[place:])
    assert (done.code, done.out, server.requests) == (Exit.USAGE, "", [])


def test_no_id_at_all_is_a_usage_error(get):
    assert get(NOWHERE).code == Exit.USAGE


@pytest.mark.parametrize("key", [None, "sk-or-v1-abc\nX-Evil: 1", long("  "), long("sk-or-v1-clé")])
def test_a_key_that_cannot_be_sent_is_refused_before_anything_is(get, key):
    with saying(200, HTML) as server:
        done = get(server, ID, OPENROUTER_API_KEY=key)
    assert (done.code, done.out, server.requests) == (Exit.KEY_REFUSED, "", [])
    assert_three_lines(done.err)
    assert "sk-or-v1-" not in done.err


def test_the_key_is_never_sent_in_plain_http_to_another_host(get):
    done = get("http://example.com/api/v1", ID)
    assert (done.code, done.out) == (Exit.CONFIGURATION, "")


def test_the_base_url_comes_from_the_environment_too_and_the_key_from_a_file(orusage, tmp_path):
    (tmp_path / "key").write_text(f"{KEY}-of-the-file\n", encoding="utf-8")
    (tmp_path / "key").chmod(0o600)
    with Scripted(lambda _path, generation_id: (200, {}, record_body(generation_id, '"usage": 0'))) as server:
        done = orusage("get", ID, "--api-key-file", "key", OPENROUTER_BASE_URL=server.base_url)
    ((path, headers),) = server.requests
    assert (done.code, done.err, path) == (0, "", f"/api/v1/generation?id={ID}")
    assert headers["Authorization"] == f"Bearer {KEY}-of-the-file"


# What must never be shown.


@contextmanager
def at_a_terminal(*arguments, cwd):
    """The command with a terminal as its output and error; yields what the terminal got, once it has ended."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "ingest", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, cwd=cwd, env=environment()) as process:
        os.close(theirs)
        got = b""
        try:
            while chunk := os.read(ours, 65536):
                got += chunk
        except OSError as error:
            if error.errno != errno.EIO:  # Linux says so when the other side has closed it
                raise
        os.close(ours)
        yield process.wait(30), got.decode()


EVIL = "\x1b[31m\x1b]0;title\x07 \x9b31m \u202egnp.exe\r\b\x00\x7f\nsecond line"


def controls_in(text):
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c not in "\r\n"}


def test_control_characters_of_a_server_never_reach_the_terminal(get, tmp_path):
    def script(path, generation_id):
        if path.endswith("/content"):
            said = {"input": {"prompt": EVIL}, "output": {"completion": EVIL, "reasoning": EVIL}, "error": None}
            return 200, {}, json.dumps({"data": said}, ensure_ascii=False).encode()
        if generation_id == IDS[1]:
            return 404, {}, json.dumps({"error": {"code": 404, "message": EVIL}}, ensure_ascii=False).encode()
        return 200, {}, record_body(generation_id, f'"provider_name": {json.dumps(EVIL, ensure_ascii=False)}')

    with Scripted(script) as server:
        arguments = ("get", *IDS[:2], "--content", "--base-url", server.base_url)
        with at_a_terminal(*arguments, cwd=tmp_path) as (code, shown):
            assert code == Exit.PARTIAL
            assert ID in shown
            assert controls_in(shown) == set()
            assert len(shown.splitlines()) == 2  # a line of JSON, and one about the other ID
        piped = get(server, *IDS[:2], "--content")
    assert controls_in(piped.err) == set()
    assert len(piped.err.splitlines()) == 1
    assert json.loads(piped.out)["content"]["output"]["completion"] == EVIL  # into a pipe it goes as it is


@pytest.mark.parametrize("options", [("-v", "--debug"), long(())])
def test_the_key_is_nowhere_in_what_is_shown(orusage, simulation, options):
    commands = [
        (simulation.base_url, KEY, ("--content", *IDS[:2])),
        (simulation.base_url, KEY.replace("test", "inference"), ("--content", *IDS[:2])),
        (simulation.base_url, KEY.replace("test", "invalid"), (ID,)),
        (NOWHERE, KEY, (ID,)),
        (simulation.base_url, KEY, ("../../etc",)),
        (simulation.base_url, f"{KEY}\nX-Evil: 1", (ID,)),
    ]
    for base_url, key, arguments in commands:
        done = orusage(*options, "get", *arguments, "--base-url", base_url, OPENROUTER_API_KEY=key)
        assert "0123456789abcdef" not in done.out + done.err


@pytest.mark.parametrize("status", [403, long(404)])
def test_a_key_that_a_server_repeats_is_masked(get, status):
    with saying(status, error_body(status, f"the key {KEY} may not do this")) as server:
        done = get(server, ID)
    assert done.code == Exit.PARTIAL
    assert ID in done.err
    assert KEY not in done.out + done.err
