"""Clients of the management API whose server answers what a test says."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

from ingest.client.credentials import ApiKey
from ingest.client.management import ManagementClient
from support.clock import FakeClock
from support.loopback import SECRET, body_of, listening, whole


def management_key():
    return ApiKey(SECRET, "a test")


def asked(answer_of, ask, clock=None, **options):
    """What `ask(client)` returns, with a server that answers a path and its parameters or body like `answer_of`.

    An answer is the value of its JSON, or a status.
    """

    async def answer(request, writer):
        _, target, _ = request.split(b"\r\n", 1)[0].decode().split(" ")
        url = urlsplit(target)
        params = {name: values[0] for name, values in parse_qs(url.query).items()}
        told = answer_of(url.path.removeprefix("/api/v1"), params or json.loads(body_of(request) or b"{}"))
        writer.write(_refusal(told) if isinstance(told, int) else whole(json.dumps(told).encode()))
        await writer.drain()

    async def run():
        async with (
            listening(answer) as url,
            ManagementClient(management_key, url, clock=clock or FakeClock(), **options) as client,
        ):
            return await ask(client)

    return asyncio.run(run())


def _refusal(status):
    return whole(json.dumps({"error": {"code": status, "message": "no"}}).encode(), status=status)
