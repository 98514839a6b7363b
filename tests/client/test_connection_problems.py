"""Each kind of failed connection, over real sockets: what it is called, and the three lines of the command."""

import asyncio
import errno
import os
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager

import aiohttp
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import finished
from support.logs import new_ids, write_log
from support.loopback import SECRET, hang, serving

from ingest import Err, OpenRouter, OpenRouterConnectionError, RequestTimeoutError, RetryConfig
from ingest.client import stop_errors
from ingest.client.certificate_issuer import issuer_in
from ingest.client.connection_problems import PERMANENT, Reason, problem_of
from ingest.client.operations import generations_get_generation
from ingest.client.transport import _ssl_context
from ingest.core.errors import Exit

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", *(f"{kind}_proxy" for kind in ("http", "https", "all", "no")))


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    _ssl_context.cache_clear()
    yield
    _ssl_context.cache_clear()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody trusts."""
    folder = tmp_path_factory.mktemp("certificate")
    name = ["-subj", "/O=ACME Security/CN=ACME Proxy CA", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try:
        command = [*new, *name, "-days", "2", "-keyout", "key.pem", "-out", "certificate.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("there is no openssl that makes certificates")
    return folder


@contextmanager
def tls_server(folder):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with serving(hang, context) as base_url:
        yield base_url


@contextmanager
def closed_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def proxy(answer):
    """A proxy that gives this answer to each request to connect."""

    async def reply(_, writer):
        writer.write(answer)
        await writer.drain()

    with serving(reply) as url:
        yield url.split("/")[2]


def error_of(base_url, timeout=10.0):
    retries = RetryConfig("none")
    with OpenRouter(SECRET, server_url=base_url, timeout=timeout, retries=retries) as client:
        result = generations_get_generation(client, id="gen-1")
    assert isinstance(result, Err)
    assert SECRET not in str(result.error)
    return result.error


def test_a_certificate_is_named_with_its_issuer(certificate):
    with tls_server(certificate) as base_url:
        error = error_of(base_url)
    assert error.reason is Reason.CERTIFICATE
    assert base_url.split("/")[2] in error.message
    assert "self-signed certificate" in error.message
    assert error.message.endswith("issued by ACME Proxy CA, ACME Security")


def test_a_certificate_of_another_host_is_told(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
    with tls_server(certificate) as base_url:
        error = error_of(base_url.replace("127.0.0.1", "localhost"))
    assert error.reason is Reason.CERTIFICATE
    assert "not valid for 'localhost'" in error.message


@given(st.binary(max_size=400))
def test_what_is_no_certificate_has_no_issuer(data):
    try:
        assert issuer_in(data) is None or data
    except (IndexError, ValueError):
        return


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("value", ["/nowhere/ca.pem", "{}/empty.pem", "{}/garbage.pem", "/dev/null"])
def test_certificates_that_cannot_be_loaded_are_named(name, value, tmp_path, monkeypatch):
    (tmp_path / "empty.pem").touch()
    (tmp_path / "garbage.pem").write_bytes(b"\0garbage" * 100)
    path = value.format(tmp_path)
    monkeypatch.setenv(name, path)
    error = error_of("https://127.0.0.1:9/api/v1")
    assert error.reason is Reason.TRUST_STORE
    assert f"{name} names {path}" in error.message


def test_plain_http_needs_no_certificates(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with closed_port() as place:
        assert error_of(f"http://{place}/api/v1").reason is Reason.REFUSED


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
def test_a_socks_proxy_is_named_with_its_variable(scheme, variable, monkeypatch):
    monkeypatch.setenv(variable, f"{scheme}://user:password@127.0.0.1:1080")
    error = error_of("https://openrouter.invalid/api/v1")
    assert error.reason is Reason.PROXY_SETTING
    assert f"{variable} names a SOCKS proxy ({scheme}://" in error.message
    assert "password" not in error.message


@pytest.mark.parametrize("value", ["ftp://127.0.0.1", "http://", "http://[::1", "quic://h:1"])
def test_a_proxy_of_another_kind_is_refused(value, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", value)
    assert error_of("https://openrouter.invalid/api/v1").reason is Reason.PROXY_SETTING


def test_a_proxy_that_cannot_be_reached_is_told_from_the_server(monkeypatch):
    with closed_port() as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        error = error_of("https://openrouter.invalid/api/v1")
    assert error.reason is Reason.PROXY
    assert "proxy" in error.message
    assert f"{place} refused" in error.message
    monkeypatch.setenv("HTTPS_PROXY", "http://no-such-proxy.invalid:3128")
    error = error_of("https://openrouter.invalid/api/v1")
    assert error.reason is Reason.PROXY
    assert "no-such-proxy.invalid has no address" in error.message


@pytest.mark.parametrize("status", [403, 407, 502, 503])
def test_a_proxy_that_refuses_is_told_with_its_status(status, monkeypatch):
    with proxy(b"HTTP/1.1 %d Odd\r\n\r\n" % status) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        error = error_of("https://openrouter.invalid/api/v1")
    assert error.reason is Reason.PROXY
    assert f"HTTP {status}" in error.message


@pytest.mark.parametrize("host", ["no.such.host.invalid", "openrouter.invalid"])
def test_a_name_without_an_address_is_named(host):
    error = error_of(f"https://{host}/api/v1")
    assert error.reason is Reason.DNS
    assert f"the name {host} has no address" in error.message


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_refused_connection_is_named_with_its_port(scheme, host):
    with closed_port() as place:
        named = place.replace("127.0.0.1", host)
        error = error_of(f"{scheme}://{named}/api/v1")
    assert error.reason is Reason.REFUSED
    assert f"{named} refused the connection" in error.message


def test_a_server_without_tls_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        place = f"127.0.0.1:{server.getsockname()[1]}"
        error = error_of(f"https://{place}/api/v1")
        thread.join()
    assert error.reason is Reason.TLS
    assert place in error.message


def test_connecting_that_takes_too_long_is_a_timeout():
    """The listen queue is full, so that the kernel answers no further connection."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        held = []
        try:
            for _ in range(3):
                held.append(socket.socket())
                held[-1].settimeout(0)
                held[-1].connect_ex(place)
            error = error_of(f"http://127.0.0.1:{place[1]}/api/v1", timeout=0.5)
        finally:
            for each in held:
                each.close()
    assert type(error) is RequestTimeoutError
    assert not error.connected


def test_a_network_that_is_down_and_a_limit_of_files_are_told():
    key = aiohttp.client_reqrep.ConnectionKey("h", 443, True, True, None, None, None)  # noqa: FBT003  # is_ssl, ssl
    for number, reason in (
        (errno.ENETUNREACH, Reason.NO_ROUTE),
        (errno.EHOSTUNREACH, Reason.NO_ROUTE),
        (errno.EMFILE, Reason.OPEN_FILES),
        (errno.ENFILE, Reason.OPEN_FILES),
        (errno.ECONNREFUSED, Reason.REFUSED),
        (errno.EPERM, Reason.OTHER),
    ):
        inner = aiohttp.ClientConnectorError(key, OSError(number, os.strerror(number)))
        outer = httpx.ConnectError("x")
        outer.__cause__ = inner
        assert problem_of(outer).reason is reason
        several = OSError(f"Multiple exceptions: [Errno {number}] one, [Errno {number}] two")
        assert problem_of(aiohttp.ClientConnectorError(key, several)).reason is reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_fix_and_its_code(reason):
    error = OpenRouterConnectionError("the cause", connected=False, reason=reason)
    stop = stop_errors.unreachable("https://openrouter.ai", error)
    assert stop.cause == "the cause"
    assert stop.code == (Exit.CONFIGURATION if reason in ("trust_store", "proxy_setting") else Exit.UNREACHABLE)
    assert stop_errors.is_permanent(error) == (reason in PERMANENT)
    fixes = {stop_errors.unreachable("x", OpenRouterConnectionError("", connected=False, reason=r)).fix for r in Reason}
    assert len(fixes) == len(Reason)


def command_lines(orusage_arguments, cwd, **variables):
    kept = dict.fromkeys([*VARIABLES, *map(str.upper, VARIABLES)])
    done = finished(*orusage_arguments, variables={**kept, **variables}, cwd=cwd)
    assert "Traceback" not in done.err
    return done.code, done.err.splitlines()[-3:]


@pytest.mark.parametrize("command", ["get", "ingest"])
def test_the_command_says_what_to_set(command, certificate, tmp_path):
    generation_id = new_ids(1)[0]
    write_log(tmp_path / "a.log", [generation_id])
    arguments = ("get", generation_id) if command == "get" else ("-q", "ingest", "a.log")
    with tls_server(certificate) as base_url:
        url = ("--base-url", base_url)
        code, (what, cause, fix) = command_lines((*arguments, *url), tmp_path)
        assert (code, what) == (69, f"orusage: {base_url} cannot be reached")
        assert "issued by ACME Proxy CA" in cause
        assert "SSL_CERT_FILE" in fix
        code, (_, cause, fix) = command_lines((*arguments, *url), tmp_path, SSL_CERT_FILE="/nowhere/ca.pem")
        assert (code, "SSL_CERT_FILE names /nowhere/ca.pem" in cause, "unset" in fix) == (78, True, True)
        code, (_, cause, fix) = command_lines((*arguments, *url), tmp_path, HTTPS_PROXY="socks5h://127.0.0.1:1080")
        assert (code, "HTTPS_PROXY names a SOCKS proxy" in cause, "NO_PROXY" in fix) == (78, True, True)


def test_get_says_what_was_refused_and_which_name_has_no_address(tmp_path):
    with closed_port() as place:
        code, (_, cause, fix) = command_lines(("get", "gen-1", "--base-url", f"http://{place}"), tmp_path)
    assert (code, f"{place} refused" in cause, "port of --base-url" in fix) == (69, True, True)
    code, (_, cause, fix) = command_lines(("get", "gen-1", "--base-url", "https://openrouter.invalid"), tmp_path)
    assert (code, "openrouter.invalid has no address" in cause, "spelling" in fix) == (69, True, True)


def test_errors_that_a_retry_cannot_change_are_not_retried(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with OpenRouter(SECRET, server_url="https://127.0.0.1:9") as client:  # which retries for an hour
        assert generations_get_generation(client, id="gen-1").error.reason in PERMANENT


def test_the_loop_is_not_blocked_while_the_issuer_is_read(certificate):
    async def scenario():
        from ingest.client.certificate_issuer import issuer_of

        with tls_server(certificate) as base_url:
            port = int(base_url.split("/")[2].split(":")[1])
            return await asyncio.wait_for(issuer_of("127.0.0.1", port), 30), await issuer_of("127.0.0.1", 1)

    assert asyncio.run(scenario()) == ("ACME Proxy CA, ACME Security", None)
