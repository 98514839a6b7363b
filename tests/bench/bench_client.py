"""Our client, httpx as it comes and the official SDK, side by side against nginx on loopback.

    apt install nginx-light && pip install openrouter
    python tests/bench/bench_client.py [--transports]

Prints requests/s and ms of CPU per 1,000 requests at 8, 32 and 128 connections, ours at 256 as well, and all at 64
connections and a latency of 100 ms. Each figure is the median of three rounds in which all take turns; each client
runs in a process of its own, so that its CPU is all of its CPU. With --transports the transports that were tried
behind the httpx API instead, plain and with TLS; those that are not installed are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

import httpx

from ingest import AsyncOpenRouter, Ok, generations_get_generation
from ingest.simulator import fake_records
from ingest.warehouse.schema import GENERATION_FIELDS

PORT, TLS_PORT = 9180, 9543
KEY = "sk-or-v1-bench"
ROUNDS = 3
LATENCY = 0.1
ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
HEADERS = {"Authorization": f"Bearer {KEY}", "Accept": "application/json", "User-Agent": "bench"}

CONF = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr warn; load_module {echo};
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 10000000; default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=2048; listen 127.0.0.1:{tls_port} ssl backlog=2048;
    ssl_certificate leaf.pem; ssl_certificate_key leaf.key;
    location = /generation {{ return 200 '{body}'; }}
    location = /slow/generation {{ echo_sleep {latency}; echo -n '{body}'; }}
  }}
}}
"""


# The server


def answer():
    """A whole answer of 1.4 KB, with every documented field, for whatever ID is asked for."""
    record = fake_records.record(1, "gen-1760000000-00000000000000000001")
    record = {c.name: None for c in GENERATION_FIELDS} | {"data_region": "global"} | record | {"id": "$arg_id"}
    return json.dumps({"data": record})


@contextmanager
def nginx():
    with tempfile.TemporaryDirectory() as directory:
        certify(directory)
        conf = CONF.format(echo=ECHO, port=PORT, tls_port=TLS_PORT, body=answer(), latency=LATENCY)
        Path(directory, "nginx.conf").write_text(conf, encoding="utf-8")
        with subprocess.Popen(["nginx", "-p", directory, "-c", "nginx.conf", "-e", "stderr"]) as process:
            try:
                wait_for(PORT)
                yield str(Path(directory, "ca.pem"))
            finally:
                process.terminate()


def certify(directory):
    """A certificate authority and a certificate of its for 127.0.0.1."""
    run = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]

    def openssl(*arguments):
        subprocess.run([*run, *arguments], cwd=directory, check=True, capture_output=True)

    signs = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    openssl("ca.key", "-out", "ca.pem", "-subj", "/CN=bench", *signs)
    leaf = [
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-subj",
        "/CN=127.0.0.1",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]
    openssl("leaf.key", "-out", "leaf.pem", *leaf, *names)


def wait_for(port):
    for _ in range(100):
        try:
            httpx.get(f"http://127.0.0.1:{port}/generation", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("nginx does not come up")


# The clients: each yields a function that asks for one ID and proves that the answer is whole


async def ours(url, connections):
    client = AsyncOpenRouter(KEY, server_url=url)

    async def ask(generation_id):
        result = await generations_get_generation(client, id=generation_id)
        assert isinstance(result, Ok)
        assert result.value.data.id == generation_id

    return ask


async def stock(url, connections):
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return through(httpx.AsyncClient(limits=limits, timeout=30, trust_env=False, verify=trusted()), url)


async def sdk(url, connections):
    import openrouter

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    http = httpx.AsyncClient(limits=limits, timeout=30, trust_env=False, verify=trusted())
    client = openrouter.OpenRouter(api_key=KEY, server_url=url, async_client=http)

    async def ask(generation_id):
        response = await client.generations.get_generation_async(id=generation_id)
        assert response.data.id == generation_id

    return ask


async def aiohttp_direct(url, connections):
    from httpx_aiohttp import AiohttpTransport

    return directly(AiohttpTransport(verify=trusted(), limits=httpx.Limits(max_connections=connections)), url)


async def aiohttp_client(url, connections):
    from httpx_aiohttp import HttpxAiohttpClient

    limits = httpx.Limits(max_connections=connections)
    return through(HttpxAiohttpClient(verify=trusted(), limits=limits, timeout=30, trust_env=False), url)


async def pyreqwest_direct(url, connections):
    return directly(pyreqwest(), url)


async def pyreqwest_client(url, connections):
    return through(httpx.AsyncClient(transport=pyreqwest(), timeout=30), url)


def pyreqwest():
    from pyreqwest.client import ClientBuilder
    from pyreqwest.compatibility.httpx import HttpxTransport

    return HttpxTransport(ClientBuilder().timeout(timedelta(seconds=30)).no_proxy().build())


async def pyqwest_direct(url, connections):
    from pyqwest import HTTPTransport
    from pyqwest.httpx import AsyncPyqwestTransport

    own = HTTPTransport(tls_include_system_certs=True, pool_max_idle_per_host=connections, enable_otel=False)
    return directly(AsyncPyqwestTransport(own), url)


def trusted():
    return ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])


def directly(transport, url):
    async def ask(generation_id):
        request = httpx.Request("GET", f"{url}/generation?id={generation_id}", headers=HEADERS)
        response = await transport.handle_async_request(request)
        body = b"".join([chunk async for chunk in response.stream])
        await response.stream.aclose()
        assert generation_id.encode() in body

    return ask


def through(client, url):
    async def ask(generation_id):
        response = await client.get(f"{url}/generation", params={"id": generation_id}, headers=HEADERS)
        assert generation_id.encode() in response.content

    return ask


CLIENTS = {"ours": ours, "httpx": stock, "openrouter SDK": sdk}
TRANSPORTS = {
    "httpx-aiohttp, called directly": aiohttp_direct,
    "httpx-aiohttp, behind httpx's client": aiohttp_client,
    "pyreqwest, called directly": pyreqwest_direct,
    "pyreqwest, behind httpx's client": pyreqwest_client,
    "pyqwest, called directly": pyqwest_direct,
    "httpx": stock,
}
REQUESTS = {"ours": 6_000, "httpx": 800, "openrouter SDK": 500}


# Measuring


async def measure(make, url, connections, requests):
    """Requests/s, and ms of CPU per 1,000 requests, once all connections are open."""
    ask = await make(url, connections)
    await spread(ask, connections, connections)
    cpu, wall = time.process_time(), time.perf_counter()
    await spread(ask, connections, requests)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps([requests / wall, cpu / requests * 1e6]))
    sys.stdout.flush()
    os._exit(0)  # what a client leaves open is not the subject


async def spread(ask, connections, requests):
    ids = iter([f"gen-1760000000-{n:020d}" for n in range(requests)])

    async def work():
        for generation_id in ids:
            await ask(generation_id)

    await asyncio.gather(*(work() for _ in range(connections)))


def measured(name, url, connections, requests, ca):
    command = [sys.executable, __file__, "--one", name, url, str(connections), str(requests)]
    environment = os.environ | {"SSL_CERT_FILE": ca, "NO_PROXY": "*"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def compare(title, names, url, connections, ca, ideal=None):
    rounds = [{n: measured(n, url, connections, requests_of(n, ideal), ca) for n in names} for _ in range(ROUNDS)]
    print(f"\n{title}")
    for name in names:
        rate, cpu = (median(r[name][k] for r in rounds) for k in (0, 1))
        times = median(r[name][1] / r[names[0]][1] for r in rounds)
        share = f"  {rate / ideal:6.1%} of {ideal:,.0f}/s" if ideal else ""
        print(f"  {name:<40} {rate:8,.0f} requests/s  {cpu:8,.0f} ms CPU per 1,000  {times:5.1f}x{share}")


def requests_of(name, ideal):
    return 640 if ideal and name != "ours" else 3_200 if ideal else REQUESTS.get(name, 4_000)


def is_here(name):
    module = {"pyreqwest": "pyreqwest", "pyqwest": "pyqwest", "openrouter SDK": "openrouter"}.get(
        name.split(",")[0], "httpx"
    )
    return importlib.util.find_spec(module) is not None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--transports", action="store_true")
    parser.add_argument("--one", nargs=4)
    options = parser.parse_args()
    if options.one:
        name, url, connections, requests = options.one
        asyncio.run(measure((CLIENTS | TRANSPORTS)[name], url, int(connections), int(requests)))
    names = [n for n in (TRANSPORTS if options.transports else CLIENTS) if is_here(n)]
    plain, tls = f"http://127.0.0.1:{PORT}", f"https://127.0.0.1:{TLS_PORT}"
    with nginx() as ca:
        if options.transports:
            compare("32 connections", names, plain, 32, ca)
            compare("32 connections, TLS", names, tls, 32, ca)
            return
        for connections in (8, 32, 128):
            compare(f"{connections} connections", names, plain, connections, ca)
        compare("256 connections", ["ours"], plain, 256, ca)
        compare("32 connections, TLS", names, tls, 32, ca)
        compare("64 connections, 100 ms latency", names, f"{plain}/slow", 64, ca, ideal=64 / LATENCY)


if __name__ == "__main__":
    main()
