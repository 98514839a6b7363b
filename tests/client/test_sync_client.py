"""The synchronous client against real sockets, in threads, in forked processes, and under Ctrl-C."""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.commands import wait_for
from support.logs import new_ids
from support.loopback import (
    CONTENT,
    GENERATION,
    SECRET,
    STATUS_OK,
    drip,
    drip_headers,
    hang,
    headers_of,
    recording,
    reset,
    sending,
    serving,
    whole,
)

from ingest import (
    Err,
    InvalidRequestError,
    NotFoundResponseError,
    Ok,
    OpenRouter,
    OpenRouterConnectionError,
    OpenRouterDefaultError,
    PaymentRequiredResponseError,
    RequestAbortedError,
    RequestOptions,
    RequestTimeoutError,
    ResponseValidationError,
    RetryConfig,
    generations_get_generation,
    generations_list_generation_content,
)
from ingest.client.errors import BY_STATUS
from ingest.client.request import MEBIBYTE

ONCE = RetryConfig("none")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Do not use a proxy of the machine that runs the tests."""
    monkeypatch.setenv("NO_PROXY", "*")


def client_of(base_url, **arguments):
    return OpenRouter(**{"api_key": SECRET, "server_url": base_url, "timeout": 5.0, "retries": ONCE} | arguments)


@contextmanager
def each_sender(name):
    """Arguments for a client with its own transport, or with one of the user's."""
    match name:
        case "default":
            yield {}
        case "own client":
            with httpx.Client() as client:
                yield {"client": client}
        case "own transport":
            with httpx.HTTPTransport() as transport:
                yield {"transport": transport}


senders = pytest.mark.parametrize("sender", ["default", "own client", "own transport"])


def ask_through(sender, answer, **arguments):
    with each_sender(sender) as how, serving(answer) as base_url, client_of(base_url, **how, **arguments) as client:
        return generations_get_generation(client, id="gen-1")


def loops():
    """The threads of open clients."""
    return [thread for thread in threading.enumerate() if thread.name == "orusage"]


# Calls


@senders
def test_the_methods_return_the_value_or_raise_the_error(simulation, sender):
    [generation_id] = new_ids(1)
    with each_sender(sender) as how:
        with client_of(simulation.base_url, **how) as client:
            assert client.generations.get_generation(id=generation_id).data.id == generation_id
            assert client.generations.list_generation_content(id=generation_id).data.output
        with client_of(simulation.base_url, api_key="sk-or-broke", **how) as client:
            for operation in (client.generations.get_generation, client.generations.list_generation_content):
                with pytest.raises(PaymentRequiredResponseError, match="Insufficient credits"):
                    operation(id=generation_id)


@senders
@pytest.mark.parametrize("status", [*BY_STATUS, 408, 503, 599])
def test_the_functions_return_each_status_as_its_error(simulation, sender, status):
    with each_sender(sender) as how, client_of(simulation.base_url, api_key=f"sk-or-status-{status}", **how) as client:
        for operation in (generations_get_generation, generations_list_generation_content):
            result = operation(client, id=new_ids(1)[0])
            assert isinstance(result, Err)
            assert type(result.error) is BY_STATUS.get(status, OpenRouterDefaultError)
            assert (result.error.status_code, result.error.code) == (status, status)


def test_the_functions_return_what_the_methods_would():
    with (
        serving(recording([], whole(GENERATION), whole(CONTENT), whole(b"<html>"))) as base_url,
        client_of(base_url) as client,
    ):
        metadata = generations_get_generation(client, id="gen-1")
        content = generations_list_generation_content(client, id="gen-1")
        unreadable = generations_get_generation(client, id="gen-1")
    assert isinstance(metadata, Ok)
    assert metadata.value.data.id == "gen-1"
    assert content.value.data.output.completion == "Hello!"
    assert type(unreadable.error) is ResponseValidationError


@senders
def test_a_request_has_the_headers_of_the_client_and_of_the_call(sender):
    requests = []
    arguments = {"http_referer": "https://example.com/", "app_title": "My app", "app_categories": "ide"}
    options = RequestOptions(headers={"X-Trace": "7"}, params={"a": "b c"}, cookies={"c": "2"})
    with (
        each_sender(sender) as how,
        serving(recording(requests)) as base_url,
        client_of(base_url, **arguments, **how) as client,
    ):
        client.generations.get_generation(id="gen-1", options=options)
    [request] = requests
    headers = headers_of(request)
    assert request.startswith(b"GET /api/v1/generation?a=b+c&id=gen-1 HTTP/1.1\r\n")
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert headers["http-referer"] == "https://example.com/"
    assert headers["x-openrouter-title"] == "My app"
    assert headers["x-openrouter-categories"] == "ide"
    assert (headers["x-trace"], headers["cookie"]) == ("7", "c=2")


def test_retries_are_those_of_the_client_or_of_the_call():
    requests = []
    failed = whole(b"", b"retry-after-ms: 1", status=500)
    with (
        serving(recording(requests, failed, failed, whole(GENERATION))) as base_url,
        OpenRouter(SECRET, server_url=base_url) as client,
    ):
        once = generations_get_generation(client, id="gen-1", options=RequestOptions(retries=ONCE))
        assert once.error.status_code == 500
        assert isinstance(generations_get_generation(client, id="gen-1"), Ok)
    assert len(requests) == 3


def test_a_function_given_as_key_is_called_once_per_call():
    requests, asked = [], []

    def key():
        asked.append(1)
        return f"sk-or-key-{len(asked)}"

    with serving(recording(requests)) as base_url, client_of(base_url, api_key=key) as client:
        assert asked == []
        for _ in range(2):
            client.generations.get_generation(id="gen-1")
    assert [headers_of(r)["authorization"] for r in requests] == ["Bearer sk-or-key-1", "Bearer sk-or-key-2"]


@pytest.mark.parametrize(
    "arguments",
    [{"api_key": "two\nlines"}, {"timeout": 0}, {"server_url": "http://openrouter.ai"}, {"app_title": "Zoë"}],
)
def test_invalid_arguments_are_refused_before_the_first_call(arguments):
    with pytest.raises(InvalidRequestError):
        OpenRouter(**{"api_key": SECRET} | arguments)
    assert not loops()


@senders
def test_an_invalid_id_is_refused_and_nothing_is_sent(sender):
    requests = []
    with each_sender(sender) as how, serving(recording(requests)) as base_url, client_of(base_url, **how) as client:
        for generation_id in ("", "gen-1&id=gen-2", "../key", "gen-1\r\nX-Evil: 1", "g" * 10_000_000):
            with pytest.raises(InvalidRequestError):
                client.generations.get_generation(id=generation_id)
    assert requests == []


@senders
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_never_reaches_the_other_host(sender, status):
    elsewhere = []
    with serving(recording(elsewhere)) as other_url:
        error = ask_through(sender, sending(whole(b"", b"Location: " + other_url.encode(), status=status))).error
    assert (type(error), error.status_code) == (OpenRouterDefaultError, status)
    assert elsewhere == []


@senders
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reset, id="reset"),
        pytest.param(sending(), id="closed without a word"),
        pytest.param(sending(STATUS_OK + b"Content-Length: 100\r\n\r\nhalf"), id="cut in the body"),
        pytest.param(sending(b"SSH-2.0-OpenSSH_9.6\r\n"), id="another protocol"),
    ],
)
def test_an_answer_that_breaks_off_or_is_no_http_is_a_broken_connection(sender, answer):
    error = ask_through(sender, answer).error
    assert type(error) is OpenRouterConnectionError
    assert error.connected


@senders
def test_an_answer_over_the_limit_is_not_kept(sender):
    error = ask_through(sender, sending(whole(GENERATION + b" " * MEBIBYTE))).error
    assert type(error) is ResponseValidationError
    assert "larger than" in str(error)


@senders
@pytest.mark.parametrize("status", [200, 404])
def test_odd_headers_raise_nothing(sender, status):
    error = ask_through(sender, sending(whole(b"{}", b"X-Odd: \xc3\x28", status=status))).error
    assert error.status_code == status


# Deadlines


@senders
@pytest.mark.parametrize("answer", [drip, drip_headers, hang], ids=["drip", "drip of headers", "hang"])
def test_the_deadline_is_for_the_whole_answer(sender, answer):
    with each_sender(sender) as how, serving(answer) as base_url, client_of(base_url, timeout=0.3, **how) as client:
        started = time.monotonic()
        result = generations_get_generation(client, id="gen-1")
        seconds = time.monotonic() - started
    assert type(result.error) is RequestTimeoutError
    assert result.error.message == "no complete answer within 0.3 s"
    assert 0.25 < seconds < 4


@pytest.mark.parametrize("answer", [drip, drip_headers], ids=["drip", "drip of headers"])
def test_an_abandoned_answer_releases_its_connection_of_a_users_own_client(answer):
    requests = []

    async def first_slow(request, writer):
        requests.append(request)
        if len(requests) > 1:
            writer.write(whole(GENERATION))
            return
        slow = asyncio.ensure_future(answer(request, writer))
        await asyncio.wait([slow], timeout=0.6)
        slow.cancel()
        writer.write(b"Content-Length: 5\r\n\r\n")
        await asyncio.Event().wait()

    with (
        serving(first_slow) as base_url,
        httpx.Client(limits=httpx.Limits(max_connections=1)) as own,
        client_of(base_url, client=own) as client,
    ):
        given_up = generations_get_generation(client, id="gen-1", options=RequestOptions(timeout=0.3))
        assert type(given_up.error) is RequestTimeoutError
        assert isinstance(generations_get_generation(client, id="gen-1"), Ok)


# Threads and event loops


def test_many_threads_share_one_client(simulation):
    ids = new_ids(160)
    with client_of(simulation.base_url) as client, ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda i: client.generations.get_generation(id=i), ids))
        assert len(loops()) == 1
    assert [response.data.id for response in responses] == ids
    assert not loops()


def test_threads_do_not_wait_for_each_other():
    together = []

    async def answer_all_together(_, writer):
        together.append(writer)
        while len(together) < 16:  # noqa: ASYNC110  # its own loop, or none
            await asyncio.sleep(0.01)
        writer.write(whole(GENERATION))

    with serving(answer_all_together) as base_url, client_of(base_url) as client, ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda n: generations_get_generation(client, id=f"gen-{n}"), range(16)))
    assert all(isinstance(result, Ok) for result in results)


@senders
def test_the_client_works_inside_a_running_event_loop(sender):
    async def scenario():
        return ask_through(sender, sending(whole(GENERATION)))

    assert isinstance(asyncio.run(scenario()), Ok)


def test_the_first_call_starts_a_thread_and_closing_ends_it():
    with serving(sending(whole(GENERATION))) as base_url:
        client = client_of(base_url)
        assert not loops()
        client.generations.get_generation(id="gen-1")
        assert len(loops()) == 1
        client.close()
        assert not loops()


# Closing


@senders
@pytest.mark.parametrize("answer", [hang, drip, drip_headers], ids=["hang", "drip", "drip of headers"])
def test_closing_ends_calls_of_other_threads(sender, answer):
    asked = []

    async def noted(request, writer):
        asked.append(request)
        await answer(request, writer)

    with (
        each_sender(sender) as how,
        serving(noted) as base_url,
        client_of(base_url, **how) as client,
        ThreadPoolExecutor(3) as pool,
    ):
        calls = [pool.submit(generations_get_generation, client, id=f"gen-{n}") for n in range(3)]
        wait_for(lambda: len(asked) == 3)
        started = time.monotonic()
        client.close()
        results = [call.result() for call in calls]
        seconds = time.monotonic() - started
    assert [type(result.error) for result in results] == [RequestAbortedError] * 3
    assert seconds < 4


def test_closing_ends_a_wait_for_a_retry():
    requests = []
    busy = recording(requests, whole(b"", b"Retry-After: 60", status=429))
    with (
        serving(busy) as base_url,
        client_of(base_url, retries=RetryConfig()) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        call = pool.submit(generations_get_generation, client, id="gen-1")
        wait_for(lambda: requests)
        started = time.monotonic()
        client.close()
        result = call.result()
        seconds = time.monotonic() - started
    assert type(result.error) is RequestAbortedError
    assert (len(requests), seconds < 4) == (1, True)


@pytest.mark.parametrize("used", [False, True])
def test_a_closed_client_sends_nothing_more_and_may_be_closed_again(used):
    requests = []
    with serving(recording(requests)) as base_url:
        with client_of(base_url) as client:
            if used:
                client.generations.get_generation(id="gen-1")
        client.close()
        with pytest.raises(RequestAbortedError, match="the client is closed"):
            client.generations.get_generation(id="gen-1")
    assert len(requests) == used
    assert not loops()


def test_as_a_context_manager_the_client_is_itself_and_closes_on_an_error_too():
    client = client_of("http://127.0.0.1:1")
    entered = []

    def fail():
        with client as itself:
            entered.append(itself)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert entered == [client]
    assert type(generations_get_generation(client, id="gen-1").error) is RequestAbortedError


def test_a_client_that_is_dropped_leaves_neither_thread_nor_warning():
    with serving(sending(whole(GENERATION))) as base_url:
        client = client_of(base_url)
        client.generations.get_generation(id="gen-1")
        gone = weakref.ref(client)
        del client
        gc.collect()
        assert gone() is None
        assert not loops()


# The user's own client or transport


@pytest.mark.parametrize("kind", ["client", "transport"])
def test_a_users_own_client_or_transport_is_used_and_not_closed(kind):
    class Counting(httpx.HTTPTransport):
        requests = closed = 0

        def handle_request(self, request):
            self.requests += 1
            return super().handle_request(request)

        def close(self):
            self.closed += 1
            super().close()

    with serving(sending(whole(GENERATION))) as base_url:
        transport = Counting()
        with httpx.Client(transport=transport) if kind == "client" else transport as own:
            for _ in range(2):
                with client_of(base_url, **{kind: own}) as client:
                    client.generations.get_generation(id="gen-1")
            assert (transport.requests, transport.closed) == (2, 0)


@pytest.mark.parametrize("kind", ["client", "transport"])
@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"content": GENERATION}, Ok),
        ({"json": {"data": {"id": "gen-1"}}}, Ok),
        ({"content": gzip.compress(GENERATION), "headers": {"Content-Encoding": "gzip"}}, Ok),
        ({"content": GENERATION, "headers": [(b"X-Odd", b"\xc3\x28")]}, Ok),
        ({"status_code": 404, "json": {"error": {"code": 404, "message": "none"}}}, NotFoundResponseError),
        ({"text": "<html>"}, ResponseValidationError),
    ],
)
def test_a_mock_of_httpx_may_answer(kind, response, outcome):
    with (
        httpx.MockTransport(lambda _: httpx.Response(**{"status_code": 200} | response)) as transport,
        httpx.Client(transport=transport) if kind == "client" else transport as own,
        client_of("https://openrouter.invalid", **{kind: own}) as client,
    ):
        result = generations_get_generation(client, id="gen-1")
    assert type(result if outcome is Ok else result.error) is outcome


def test_a_hook_of_a_users_own_client_may_read_the_body():
    bodies = []
    answer = sending(whole(gzip.compress(GENERATION), b"Content-Encoding: gzip"))
    hooks = {"response": [lambda response: bodies.append(response.read())]}
    with serving(answer) as base_url, httpx.Client(event_hooks=hooks) as own, client_of(base_url, client=own) as client:
        assert isinstance(generations_get_generation(client, id="gen-1"), Ok)
    assert bodies == [GENERATION]


# Processes


def script(code, *arguments):
    """A new process that runs this code."""
    prelude = f"""
        import os, sys, threading
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        import httpx
        from support.loopback import SECRET
        from ingest import *
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"NO_PROXY": "*"},
    )


def outcome_of(process, seconds=20):
    """Exit code, standard output and standard error of a process that ends by itself."""
    with process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, out, err


FORKING = """
    client = OpenRouter(SECRET, server_url=sys.argv[1], timeout=5)
    client.generations.get_generation(id="gen-1")
    child = os.fork()
    if not child:
        signal = __import__("signal")
        signal.alarm(10)  # a child that hangs is no reason for its parent to
        if sys.argv[2] != "unused":
            for n in range(3):
                print(client.generations.get_generation(id=f"gen-{n}").data.id, flush=True)
        if sys.argv[2] == "closed":
            client.close()
        if sys.argv[2] == "forgotten":
            del client
        sys.exit(7)
    _, status = os.waitpid(child, 0)
    client.generations.get_generation(id="gen-1")
    print("the child ended with", os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("how", ["used", "closed", "forgotten", "unused"])
def test_a_forked_process_may_use_the_client_and_ends(how):
    with serving(sending(whole(GENERATION))) as base_url:
        code, out, err = outcome_of(script(FORKING, base_url, how))
    calls = 0 if how == "unused" else 3
    assert out.split("\n")[:-1] == ["gen-1"] * calls + ["the child ended with 7"], err
    assert code == 0


LENDING = """
    client = OpenRouter(SECRET, server_url=sys.argv[1], timeout=5)
    client.generations.get_generation(id=sys.argv[3])
    child = os.fork()
    if not child:
        if sys.argv[2] == "used":
            client.generations.get_generation(id=sys.argv[3])
        if sys.argv[2] == "closed":
            client.close()
        if sys.argv[2] == "forgotten":
            del client
        os._exit(7)
    os.waitpid(child, 0)
    print(client.generations.get_generation(id=sys.argv[3]).data.id)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("how", ["used", "closed", "forgotten"])
def test_a_forked_process_leaves_its_parents_connections_alone(simulation, how):
    [generation_id] = new_ids(1)
    code, out, err = outcome_of(script(LENDING, simulation.base_url, how, generation_id))
    assert (code, out.strip()) == (0, generation_id), err


def test_a_slow_function_for_the_key_delays_no_other_call():
    slow, held, going_on = threading.Event(), threading.Event(), threading.Event()

    def key():
        if slow.is_set():
            held.set()
            assert going_on.wait(20)
        return SECRET

    with (
        serving(sending(whole(GENERATION))) as base_url,
        ThreadPoolExecutor(1) as pool,
        OpenRouter(key, server_url=base_url, timeout=5) as client,
    ):
        slow.set()
        waiting = pool.submit(client.generations.get_generation, id="gen-1")
        assert held.wait(20)
        slow.clear()
        assert client.generations.get_generation(id="gen-1").data.id == "gen-1"
        going_on.set()
        assert waiting.result(20).data.id == "gen-1"


def test_closing_does_not_wait_for_a_host_name_that_is_being_resolved():
    code = """
        import socket, time
        resolve = socket.getaddrinfo
        def slow(*arguments, **options):
            time.sleep(3)
            return resolve(*arguments, **options)
        socket.getaddrinfo = slow
        client = OpenRouter(SECRET, server_url="https://nowhere.invalid", timeout=0.2, retries=RetryConfig("none"))
        result = generations_get_generation(client, id="gen-1")
        started = time.monotonic()
        client.close()
        print(type(result.error).__name__, time.monotonic() - started < 2.5)
    """
    code, out, err = outcome_of(script(code))
    assert out.split() == ["RequestTimeoutError", "True"], err


@pytest.mark.parametrize("sender", ["", "client=httpx.Client()", "transport=httpx.HTTPTransport()"])
@pytest.mark.parametrize("answer", [hang, drip, drip_headers], ids=["hang", "drip", "drip of headers"])
def test_ctrl_c_ends_a_call_at_once(sender, answer):
    asked, closed = [], []

    async def noted(request, writer):
        asked.append(request)
        try:
            await answer(request, writer)
        finally:
            closed.append(request)

    code = f"""
        client = OpenRouter(SECRET, server_url=sys.argv[1], timeout=60, {sender})
        client.generations.get_generation(id="gen-1")
    """
    with serving(noted) as base_url, script(code, base_url) as process:
        wait_for(lambda: asked)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, _, err = outcome_of(process)
        assert time.monotonic() - started < 10
        assert not closed or answer is not hang
    assert code == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert SECRET not in err


def test_after_ctrl_c_the_call_is_over_and_the_client_still_works():
    requests, closed = [], threading.Event()

    async def first_drips(request, writer):
        requests.append(request)
        if len(requests) > 1:
            writer.write(whole(GENERATION))
            return
        try:
            await drip(request, writer)
        except ConnectionError:
            closed.set()

    with serving(first_drips) as base_url, client_of(base_url, timeout=60) as client:
        waiting = threading.Thread(target=lambda: (wait_for(lambda: requests), os.kill(os.getpid(), signal.SIGINT)))
        waiting.start()
        with pytest.raises(KeyboardInterrupt):
            client.generations.get_generation(id="gen-1")
        waiting.join()
        assert closed.wait(60)
        assert isinstance(generations_get_generation(client, id="gen-1"), Ok)


def test_a_process_that_does_not_close_the_client_ends_without_output():
    code = """
        client = OpenRouter(SECRET, server_url=sys.argv[1])
        print(client.generations.get_generation(id="gen-1").data.id)
    """
    with serving(sending(whole(GENERATION))) as base_url:
        assert outcome_of(script(code, base_url)) == (0, "gen-1\n", "")
