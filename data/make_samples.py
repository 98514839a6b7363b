"""Writes data/samples: logs in formats that real services write, about 2,000 generation IDs over 14 days, look-alikes.

    python data/make_samples.py

The files are the same each time. Names, models and texts are invented; the formats are those of real logs. `EXPECTED`
is the number of distinct IDs; a test compares it with what the scanner finds.
"""

from __future__ import annotations

import gzip
import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = Path(__file__).parent / "samples"
NEWEST = datetime(2026, 1, 15, 12, 0, 0, tzinfo=UTC)
SPAN = timedelta(days=14)
EXPECTED = 2_022
JUST_NOW = 12
"""Number of IDs of the last half minute, which the demo's server has not recorded yet."""

ALPHABET = string.ascii_letters + string.digits
MODELS = ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4", "google/gemini-2.5-flash", "deepseek/deepseek-chat-v3.1")

random = Random(20260115)  # sample data is no secret

LOOK_ALIKES = """\
Looks like a generation ID and is none:
  gen-ai gen-alpha gen-mapping GEN-1768478400-AAAAAAAAAAAAAAAAAAAA testgen-1768478400-AAAAAAAAAAAAAAAAAAAA
  gen-1753485462694-pfqdjg (milliseconds), imagen-1739819876160, gen-1234567890, gen-abc123
  gen-xxxxxxxxxxxxxxxxxxxxxxxx, gen-507f1f77bcf86cd799439011 (a Mongo id), gen-550e8400-e29b-41d4-a716-446655440000
  gen-0000000001-AAAAAAAAAAAAAAAAAAAA (1970), gen-4102444800-AAAAAAAAAAAAAAAAAAAA (2100)
"""


def tail(length: int = 20, alphabet: str = ALPHABET) -> str:
    return "".join(random.choices(alphabet, k=length))


def moments(count: int) -> list[datetime]:
    """Times of requests, more by day than by night, oldest first."""
    drawn = []
    while len(drawn) < count:
        moment = NEWEST - timedelta(seconds=random.uniform(40, SPAN.total_seconds()))
        if random.random() < (0.9 if 7 <= moment.hour < 19 else 0.2):  # office hours
            drawn.append(moment)
    return sorted(drawn)


def identify(moment: datetime, tag: str = "") -> str:
    return f"gen-{tag}{int(moment.timestamp())}-{tail()}"


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def json_line(moment: datetime) -> str:
    usage = {"prompt_tokens": random.randrange(20, 4000), "completion_tokens": random.randrange(5, 900)}
    response = {"id": identify(moment), "object": "chat.completion", "created": int(moment.timestamp())}
    return json.dumps(
        {
            "ts": stamp(moment),
            "level": "info",
            "pipeline": random.choice(("support", "search")),
            "response": response | {"model": random.choice(MODELS), "usage": usage},
        }
    )


def logfmt(moment: datetime) -> str:
    return (
        f'time={stamp(moment)} level=info msg="completion done" customer=c{random.randrange(30)} '
        f"model={random.choice(MODELS)} generation_id={identify(moment)} ms={random.randrange(300, 9000)}"
    )


def docker(moment: datetime) -> str:
    inner = json.dumps({"msg": "llm call", "generation_id": identify(moment), "status": 200})
    return json.dumps({"log": inner + "\n", "stream": "stdout", "time": stamp(moment)})


def sse(moment: datetime) -> str:
    generation_id = identify(moment)
    chunks = ({"id": generation_id, "choices": [{"delta": {"content": word}}]} for word in ["So", "be", "it", "then"])
    return "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n"


def otlp(moment: datetime) -> str:
    attributes = [{"key": "gen_ai.response.id", "value": {"stringValue": identify(moment)}}]
    span = {"name": "chat", "startTimeUnixNano": str(int(moment.timestamp()) * 10**9), "attributes": attributes}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def csv_row(moment: datetime) -> str:
    return f"{identify(moment)},{stamp(moment)},{random.choice(MODELS)},{random.randrange(4000)},{random.randrange(900)},stop"


def object_name(moment: datetime) -> str:
    name = f"time-{moment:%H-%M-%S}-{random.randrange(10**6):06d}_{identify(moment)}.json"
    return f"{stamp(moment)[:10]} {random.randrange(900, 9000):>8} s3://llm-logs/{moment:%Y-%m-%d}/{name}"


def url(moment: datetime) -> str:
    query = quote(json.dumps({"id": identify(moment)}), safe="")
    return f'10.0.0.{random.randrange(250)} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET /trace?filter={query} HTTP/1.1" 200 512'


def python_repr(moment: datetime) -> str:
    return (
        f"{stamp(moment)} DEBUG ChatCompletion(id='{identify(moment)}', choices=[Choice(finish_reason='stop', "
        f"index=0)], model='{random.choice(MODELS)}', object='chat.completion')"
    )


def batch(moment: datetime) -> str:
    generation_id = f"gen-batch-{int(moment.timestamp())}-{tail(alphabet='0123456789abcdef')}"
    return json.dumps({"custom_id": f"row-{random.randrange(10**6)}", "response": {"body": {"id": generation_id}}})


def header(moment: datetime) -> str:
    tag = random.choice(("emb-", "emb-", "img-", "tts-", "stt-", "rerank-"))
    return f"{stamp(moment)} < HTTP/2 200\n{stamp(moment)} < x-generation-id: {identify(moment, tag)}"


def main() -> None:
    whole: dict[str, tuple[int, Callable[[datetime], str]]] = {
        "app/app.jsonl": (500, json_line),
        "app/gateway.log": (420, logfmt),
        "docker/llm-json.log": (260, docker),
        "sse-dump.txt": (90, sse),
        "otlp/traces.json": (160, otlp),
        "openrouter-logs.csv": (200, csv_row),
        "litellm/objects.txt": (110, object_name),
        "access.log": (80, url),
        "worker.log": (80, python_repr),
        "batch/results.jsonl": (60, batch),
        "media-headers.log": (48, header),
    }
    for name, (count, line) in whole.items():
        write(name, [line(m) for m in moments(count)])
    rotate("app/app.jsonl", keep=180)
    rotate("app/gateway.log", keep=160)
    just_now = [NEWEST - timedelta(seconds=random.uniform(0, 28)) for _ in range(JUST_NOW - 1)]
    append("app/app.jsonl", [json_line(m) for m in [*sorted(just_now), NEWEST]])
    legacy = ("gen-3bhGkxlo4XFrqiabUM7NDtwDzWwG", "gen-Qm4TzB0pLx9KdVh2RfWs7YcN")
    write("notes.md", ["Old generations, from mails of summer 2024:", *(f"- {i}" for i in legacy), "", LOOK_ALIKES])


def write(name: str, lines: list[str]) -> None:
    path = SAMPLES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    head = (
        "generation_id,created_at,model,tokens_prompt,tokens_completion,finish_reason\n"
        if name.endswith(".csv")
        else ""
    )
    path.write_text(head + "".join(line + "\n" for line in lines), encoding="utf-8")


def append(name: str, lines: list[str]) -> None:
    with (SAMPLES / name).open("a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def rotate(name: str, keep: int) -> None:
    """Rotate a log like logrotate: the newest lines stay, older ones go to .1, the oldest to .2.gz."""
    path = SAMPLES / name
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    middle = (len(lines) - keep) // 2
    (path.parent / f"{path.name}.2.gz").write_bytes(gzip.compress("".join(lines[:middle]).encode(), mtime=0))
    (path.parent / f"{path.name}.1").write_text("".join(lines[middle:-keep]), encoding="utf-8")
    path.write_text("".join(lines[-keep:]), encoding="utf-8")


if __name__ == "__main__":
    main()
