"""Any sequence of nights: logs that grow and are rotated, runs that die anywhere, clocks that jump, servers that fail.

Each run is a process of its own, with a clock of its own and a scripted server; a plain model says what must be in the
published file after it. Where a run died nobody knows what it had stored, so the model keeps all states that may be.
"""

import asyncio
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from support.clock import FakeClock
from support.commands import environment
from support.scripted_answers import ERROR, HTML, KEY, generation_body, read
from support.warehouse_files import seen_by

import ingest.pipeline.fetch_stage  # noqa: F401  # runs are forked from a process that has imported all of it
from ingest.client.accounts import Account
from ingest.client.async_client import AsyncOpenRouter
from ingest.client.request import GET_KEY
from ingest.client.result import Ok
from ingest.core.cancellation import RunCancellation
from ingest.core.errors import OrusageError
from ingest.core.generation_id import second_of
from ingest.core.run_stats import RunStats
from ingest.core.settings import Settings
from ingest.pipeline import run
from ingest.pipeline.context import RunContext

NOBODY = "http://127.0.0.1:9/api/v1"
GRACE = timedelta(hours=24)
REST = timedelta(hours=12)
PROVING = ("good", "renamed", "without tokens")
"""Modes whose answer proves the account; a run without any makes nothing final."""

LATENCY = 0.1


# The process that runs are forked from: it has imported everything, and never had a second thread.


def emit(**told):
    os.write(1, json.dumps(told).encode() + b"\n")


def serve_orders():
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run_one(json.loads(line))
        _, status = os.waitpid(child, 0)
        emit(ended=os.waitstatus_to_exitcode(status))


def run_one(order):
    """A run, to its end or to where it is to die."""
    try:
        os.chdir(order["folder"])
        doom = Doom(order["die_at"])
        with doom.watching():
            told = asyncio.run(one_night(order))
        emit(**told, calls=doom.calls)
        os._exit(0)
    except BaseException:  # noqa: BLE001  # whatever it is, the test shows it
        emit(broken=traceback.format_exc())
        os._exit(1)


class Doom:
    """Kills this process before or after its n-th call of the operating system or of DuckDB."""

    MODULES = frozenset({"posix", "_io", "fcntl"})

    def __init__(self, die_at):
        self.calls = 0
        self._die_at = die_at
        self._pid = os.getpid()

    def count(self):
        self.calls += 1
        if self.calls == self._die_at:
            os.kill(self._pid, signal.SIGKILL)

    def _seen(self, _frame, event, function):
        if event in {"c_call", "c_return"} and function.__module__ in self.MODULES:
            self.count()

    @contextmanager
    def watching(self):
        connect = duckdb.connect
        duckdb.connect = lambda *a, **k: Watched(connect(*a, **k), self)
        if self._die_at:
            sys.setprofile(self._seen)
        yield
        sys.setprofile(None)


class Watched:
    """A connection each of whose calls is counted, before and after it."""

    def __init__(self, connection, doom):
        self._connection = connection
        self._doom = doom

    def __getattr__(self, name):
        method = getattr(self._connection, name)

        def called(*arguments, **options):
            self._doom.count()
            result = method(*arguments, **options)
            self._doom.count()
            return self if result is self._connection else result

        return called if callable(method) else method

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()


def settings_of(wanted):
    """The run's settings, of those that there are."""
    known = {field.name for field in fields(Settings)}
    durations = {"max_time", "publish_every"}
    values = {k: timedelta(seconds=v) if k in durations and v is not None else v for k, v in wanted.items()}
    return Settings(base_url=NOBODY, **{k: v for k, v in values.items() if k in known})


async def one_night(order):
    clock = FakeClock(datetime.fromisoformat(order["now"]))
    AsyncOpenRouter.call = ScriptedServer(order, clock).call
    warehouse, stats = Path(order["warehouse"]), RunStats()
    account = Account(None, lambda: KEY, NOBODY)
    context = RunContext(
        warehouse, (account,), settings_of(order["settings"]), clock, RunCancellation(), stats, lambda _: None
    )
    error = None
    try:
        result = await run.ingest(["logs"], context)
        code = result.code
    except OrusageError as raised:
        code, error = raised.code, str(raised)
    return {"code": int(code), "elapsed": clock.elapsed, "error": error, "dead": stats.dead}


class ScriptedServer:
    """Answers each ID as its mode says, and tells the test of every answer."""

    def __init__(self, order, clock):
        self._order = order
        self._clock = clock
        self._began = datetime.fromisoformat(order["server_now"])
        self._asked = Counter()

    async def call(self, operation, params, _options=None):
        if operation is GET_KEY:
            return Ok(None)
        await self._clock.sleep(LATENCY)
        generation_id = params["id"]
        self._asked[generation_id] += 1
        server_now = self._began + timedelta(seconds=self._clock.elapsed)
        emit(id=generation_id, at=self._clock.now().isoformat(), server_at=server_now.isoformat())
        mode, first = self._order["modes"][generation_id]
        if self._order["refused"]:
            return read(401, ERROR)
        if first and self._asked[generation_id] == 1:
            return read(first, ERROR)
        headers = {"date": format_datetime(server_now, usegmt=True)}
        return read(*ANSWERS[mode](generation_id), headers)


ANSWERS = {
    "good": lambda i: (200, generation_body(i)),
    "renamed": lambda _: (200, generation_body("gen-1753485462-AbCdEfGhIj0123456789")),
    "without tokens": lambda i: (200, generation_body(i, native_tokens_prompt=0)),
    "garbled": lambda _: (200, HTML),
    "missing": lambda _: (404, ERROR),
    "gone": lambda _: (410, ERROR),
    "malformed": lambda _: (400, ERROR),
    "forbidden": lambda _: (403, ERROR),
    "failing": lambda _: (500, ERROR),
}
AT_MOST = {"garbled": 4, "failing": 6}
"""IDs of a mode that may be at one time: more in a row would end a run, or use up its retries."""

FIRST = (None, None, None, 429, 500, 529)


# The model


@dataclass(frozen=True)
class State:
    """What the ledger holds of an ID, or that it is settled."""

    kind: str = "pending"
    reason: str | None = None
    runs: int = 0
    not_before: datetime | None = None

    def is_due(self, now):
        return self.kind == "pending" and (self.not_before is None or self.not_before <= now)

    def is_about(self, other):
        """The same, but for the moment of an ask: an unreadable answer is asked for once more in the same run."""
        if not self.not_before or not other.not_before:
            return self == other
        near = abs(self.not_before - other.not_before) < timedelta(seconds=10)
        return near and replace(self, not_before=None) == replace(other, not_before=None)

    def left(self, reason, not_before=None):
        """Asked to the end, and pending."""
        return State("pending", reason, self.runs_with(reason), not_before)

    def runs_with(self, reason):
        return self.runs + 1 if self.reason == reason else 1

    def cut_short(self):
        return replace(self, not_before=None)


SETTLED = State("settled")


def dead(reason):
    return State("dead", reason)


def after(state, generation_id, mode, at, server_at):  # noqa: PLR0911  # a table
    """What becomes of an ID that is asked to the end: the table of the design's section 7."""
    second = second_of(generation_id)
    match mode:
        case "good" | "renamed":
            return SETTLED
        case "without tokens":
            is_early = second and at - second < timedelta(hours=1) and state.reason != "zero_tokens"
            return state.left("zero_tokens", at + timedelta(minutes=1)) if is_early else SETTLED
        case "garbled":
            runs = state.runs_with("unreadable")
            rests = at + timedelta(hours=36) if runs > 1 else None
            return dead("bad_response") if runs >= 5 else state.left("unreadable", rests)
        case "missing":
            age = min(server_at.replace(microsecond=0), at) - second if second else timedelta.max
            if age >= GRACE:
                return dead("not_found") if state.runs_with("not_found") >= 2 else state.left("not_found", at + REST)
            later = min(max(age / 2, timedelta(minutes=1)), timedelta(hours=1))
            return state.left("not_found_yet", at + later)
        case "gone":
            return dead("http_410")
        case "malformed":
            return dead("http_400")
        case "forbidden":
            return dead("http_403") if state.runs_with("forbidden") >= 3 else state.left("forbidden", at + REST)
        case "failing":
            return state.left("http_500")


# The file


def published(path):
    """What the file says of each ID; it must be whole."""
    if not path.exists():
        return {}
    with duckdb.connect(path, read_only=True) as connection:
        seen_by(connection)
        settled = connection.execute("SELECT generation_id FROM generations").fetchall()
        ledger = connection.execute("SELECT generation_id, state, reason, runs, not_before FROM ops.work").fetchall()
    return {i: SETTLED for (i,) in settled} | {
        i: dead(reason) if kind == "dead" else State(kind, reason, runs, not_before and not_before.replace(tzinfo=UTC))
        for i, kind, reason, runs, not_before in ledger
    }


def identity(path):
    facts = path.stat()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# The machine


LOGS = ("a.log", "b.log")
AGES = [
    *(timedelta(seconds=seconds) for seconds in (5, 170, 500, 3000)),
    *(timedelta(hours=hours) for hours in (2, 30, 216)),
    None,
]
"""How long ago an ID's second was when it comes into a log; None: an ID without one."""

JUMPS = [timedelta(seconds=-90), timedelta(hours=-7), timedelta(hours=5), timedelta(hours=11), timedelta(minutes=2)]
PAUSES = [timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=40), timedelta(hours=8), timedelta(hours=25)]

concurrencies = st.sampled_from([1, 1, 3])
batch_sizes = st.sampled_from([1, 2, 500])
publishing = st.sampled_from([1, 900])


@dataclass
class Run:
    """How a run went, and what it asked."""

    asked: dict
    told: dict

    @property
    def died(self):
        return "code" not in self.told


class Worker:
    """Runs nights in processes of their own."""

    def __init__(self, process):
        self._process = process

    def run(self, order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        asked, told = {}, {}
        while "ended" not in told:
            line = json.loads(self._process.stdout.readline())
            if "id" in line:
                asked.pop(line["id"], None)  # the last answers come last
                asked[line["id"]] = [datetime.fromisoformat(line[x]) for x in ("at", "server_at")]
            else:
                told |= line
        assert "broken" not in told, told["broken"]
        assert told["ended"] == (0 if "code" in told else -signal.SIGKILL)
        return Run(asked, told)


@contextmanager
def a_worker():
    uncovered = {name: None for name in os.environ if name.startswith("COV")}
    variables = environment(POLARS_MAX_THREADS="1", PYTHONPATH=str(Path(__file__).parents[1]), **uncovered)
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables) as process:
        try:
            yield Worker(process)
        finally:
            process.stdin.close()
            process.wait(30)


class Nights(RuleBasedStateMachine):
    """Two logs, one warehouse, and what must be in it."""

    def __init__(self, worker):
        super().__init__()
        self._worker = worker
        self._temporary = TemporaryDirectory()
        self.folder = Path(self._temporary.name)
        self.logs, self.warehouse = self.folder / "logs", self.folder / "orusage.duckdb"
        self.logs.mkdir()
        for log in LOGS:
            (self.logs / log).touch()
        self.true_now, self.ahead = datetime.now(UTC) + timedelta(hours=13), timedelta()  # later than the files' times
        self.made = 0
        self.modes, self.states = {}, {}
        self.kept, self.settled_before = set(), 0
        self.is_quiet, self.calls = False, 300

    def teardown(self):
        self._temporary.cleanup()

    @property
    def now(self):
        return self.true_now + self.ahead

    # What happens to logs, clocks and answers

    def new_id(self, age):
        self.made += 1
        if age is None:
            return f"gen-aA{self.made:020d}00"
        return f"gen-{(self.true_now - age).timestamp():.0f}-{self.made:020d}"

    def write(self, log, ids):
        self.is_quiet = False
        with (self.logs / log).open("a", encoding="utf-8") as file:
            file.writelines(f'{{"id": "{i}"}}\n' for i in ids)

    def is_room_for(self, mode, count=1):
        return sum(m == mode for m, _ in self.modes.values()) + count <= AT_MOST.get(mode, 10**6)

    @rule(
        log=st.sampled_from(LOGS),
        ages=st.lists(st.sampled_from(AGES), min_size=1, max_size=4),
        mode=st.sampled_from(list(ANSWERS)),
        first=st.sampled_from(FIRST),
    )
    def calls_are_logged(self, log, ages, mode, first):
        ids = [self.new_id(age) for age in ages]
        for i in ids:
            self.modes[i] = (mode if self.is_room_for(mode) else "good", first)
            self.states[i] = {State()}
        self.write(log, ids)

    @rule(log=st.sampled_from(LOGS), count=st.integers(8, 20), age=st.sampled_from(AGES[3:7]))
    def many_good_calls_are_logged(self, log, count, age):
        ids = [self.new_id(age) for _ in range(count)]
        self.modes |= dict.fromkeys(ids, ("good", None))
        self.states |= {i: {State()} for i in ids}
        self.write(log, ids)

    @precondition(lambda self: self.modes)
    @rule(log=st.sampled_from(LOGS), choice=st.integers(0, 1000))
    def a_call_is_logged_again(self, log, choice):
        self.write(log, [list(self.modes)[choice % len(self.modes)]])

    @rule(log=st.sampled_from(LOGS))
    def a_log_is_rotated(self, log):
        self.is_quiet = False
        for number in range(8, 0, -1):
            for suffix in ("", ".gz"):
                if (older := self.logs / f"{log}.{number}{suffix}").exists():
                    older.rename(self.logs / f"{log}.{number + 1}{suffix}")
        (self.logs / log).rename(self.logs / f"{log}.1")
        (self.logs / log).touch()

    @rule(choice=st.integers(0, 1000))
    def a_rotated_log_is_compressed(self, choice):
        if plain := sorted(path for path in self.logs.iterdir() if path.suffix not in (".log", ".gz")):
            self.is_quiet = False
            path = plain[choice % len(plain)]
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()

    @rule(log=st.sampled_from(LOGS))
    def a_log_is_copied(self, log):
        self.is_quiet = False
        shutil.copyfile(self.logs / log, self.logs / "copy.txt")

    @rule(pause=st.sampled_from(PAUSES))
    def time_passes(self, pause):
        self.true_now += pause

    @rule(jump=st.sampled_from(JUMPS))
    def the_clock_is_set(self, jump):
        if abs(self.ahead + jump) < timedelta(hours=12):
            self.ahead, self.is_quiet = self.ahead + jump, False

    @precondition(lambda self: self.modes)
    @rule(
        choices=st.lists(st.integers(0, 1000), min_size=1, max_size=6),
        mode=st.sampled_from(["good", *ANSWERS]),
        first=st.sampled_from(FIRST),
    )
    def ids_are_answered_otherwise(self, choices, mode, first):
        for choice in choices:
            i = list(self.modes)[choice % len(self.modes)]
            if self.is_room_for(mode):
                self.modes[i] = (mode, first)

    # Nights

    def run(self, *, refused=False, die_at=None, **chosen):
        due = {i for i, states in self.states.items() if any(s.is_due(self.now) for s in states)}
        run = self._worker.run(
            {
                "folder": str(self.folder),
                "warehouse": str(self.warehouse),
                "now": self.now.isoformat(),
                "server_now": self.true_now.isoformat(),
                "modes": self.modes,
                "refused": refused,
                "die_at": die_at,
                "settings": {"concurrency": 1, "batch_size": 2} | chosen,
            }
        )
        assert run.asked.keys() <= due, "asked before it was due, or after it was settled"
        assert not run.asked.keys() & self.kept, "asked again, though its answer was stored before the run died"
        return run

    def after_asking(self, i, state, run, *, ended_early=False):
        """What may become of an ID in this state that the run asked."""
        final = after(state, i, self.modes[i][0], *run.asked[i])
        if final.kind != "dead":
            return {final}
        reason = {"http_403": "forbidden", "bad_response": "unreadable"}.get(final.reason, final.reason)
        unproven = state.left(reason, max(at for at, _ in run.asked.values()) + REST)
        if not any(self.modes[asked][0] in PROVING for asked in run.asked):
            return {unproven}
        return {final, unproven} if ended_early else {final}

    def is_right_after(self, run, states):
        """What must be published after a run that came to its end."""
        if not self.states:
            assert (run.told["code"], self.warehouse.exists()) == (66, False)
            return
        found = published(self.warehouse)
        assert found.keys() == self.states.keys()
        wrong = {i: (found[i], states[i]) for i in found if not any(found[i].is_about(s) for s in states[i])}
        assert not wrong
        self.states = {i: {found[i]} for i in found}
        self.kept = set()
        self.settled_before = sum(state == SETTLED for state in found.values())

    def time_goes_on(self, run):
        self.true_now += timedelta(seconds=run.told.get("elapsed", 1) + 10)

    @rule(concurrency=concurrencies, batch_size=batch_sizes, publish_every=publishing)
    def a_night(self, **chosen):
        self.whole_night(self.run(**chosen))

    def whole_night(self, run):
        began, before = self.now, self.states
        states = {}
        for i, possible in before.items():
            was_asked = i in run.asked
            fitting = {s for s in possible if s.is_due(began) == was_asked}
            assert fitting, f"{i} was {'' if was_asked else 'not '}asked, being {possible}"
            states[i] = {a for s in fitting for a in self.after_asking(i, s, run)} if was_asked else fitting
        self.is_right_after(run, states)
        self.is_told_by_the_code(run, before, began)
        self.is_quiet = not run.asked
        self.time_goes_on(run)

    def is_told_by_the_code(self, run, before, began):
        if not self.states or any(len(possible) > 1 for possible in before.values()):
            return
        end = began + timedelta(seconds=run.told["elapsed"])
        final = {i: state for i, [state] in self.states.items()}
        buried = sum(state.kind == "dead" and before[i] != {state} for i, state in final.items())
        resting = {i for i, s in final.items() if s.reason == "not_found" and s.not_before and s.not_before > end}
        past_grace = [i for i, s in final.items() if s.kind == "pending" and is_past_grace(i, end) and i not in resting]
        assert run.told["dead"] == buried
        assert run.told["code"] == (3 if buried or past_grace else 0), run.told

    @precondition(lambda self: self.is_quiet and self.warehouse.exists())
    @rule()
    def a_night_without_anything_new(self):
        if any(s.is_due(self.now) for possible in self.states.values() for s in possible):
            return
        before = identity(self.warehouse), self.warehouse.read_bytes(), listing(self.folder)
        self.whole_night(self.run())
        assert (identity(self.warehouse), self.warehouse.read_bytes(), listing(self.folder)) == before

    @rule(limit=st.integers(1, 5), concurrency=concurrencies, batch_size=batch_sizes)
    def a_limited_night(self, limit, **chosen):
        run, began = self.run(limit=limit, **chosen), self.now
        is_certain = all(len(possible) == 1 for possible in self.states.values())
        due = [i for i, possible in self.states.items() if any(s.is_due(began) for s in possible)]
        ready = [i for i in due if not second_of(i) or second_of(i) <= began - timedelta(minutes=3)]
        ready.sort(key=lambda i: (second_of(i) or datetime(1970, 1, 1, tzinfo=UTC), i), reverse=True)
        if is_certain:
            assert len(run.asked) == min(limit, len(due))
            asked = run.asked.keys() & set(ready)
            assert asked == set(ready[: len(asked)]), "the newest go first"
        states = {}
        for i, possible in self.states.items():
            due = [s for s in possible if s.is_due(began)]
            states[i] = {a for s in due for a in self.after_asking(i, s, run)} if i in run.asked else possible
        self.is_right_after(run, states)
        self.is_quiet = False
        self.time_goes_on(run)

    @rule(max_time=st.sampled_from([0, 0.05, 0.5, 2]), concurrency=concurrencies, batch_size=batch_sizes)
    def a_short_night(self, **chosen):
        run, began = self.run(**chosen), self.now
        self.ended_early(run, began, finished=True)
        assert run.told["code"] in ((0, 3, 75) if self.states else (66,))

    @rule(concurrency=concurrencies)
    def a_night_with_a_bad_key(self, **chosen):
        run, began = self.run(refused=True, **chosen), self.now
        self.ended_early(run, began, finished=False)
        assert run.told["code"] in ((77,) if run.asked else (0, 3) if self.states else (66,))

    def ended_early(self, run, began, *, finished):
        """Each ID is as it was, or cut short, or, where some were `finished`, as its answer says."""
        states = {}
        for i, possible in self.states.items():
            due = {s for s in possible if s.is_due(began)}
            is_answered = finished and i in run.asked
            answered = (
                {a for s in due for a in self.after_asking(i, s, run, ended_early=True)} if is_answered else set()
            )
            states[i] = possible | {s.cut_short() for s in due} | answered
        self.is_right_after(run, states)
        self.is_quiet = False
        self.time_goes_on(run)

    # Nights that end in the middle

    @rule(
        share=st.floats(0, 1),
        concurrency=concurrencies,
        batch_size=batch_sizes,
        publish_every=publishing,
    )
    def a_run_dies(self, share, **chosen):
        run = self.run(die_at=1 + int(share * self.calls), **chosen)
        if not run.died:
            self.calls = max(run.told["calls"], 100)
            self.whole_night(run)
            return
        self.is_quiet = False
        self.keeps(run, chosen)
        for i in run.asked:
            due = {s for s in self.states[i] if s.is_due(self.now)}
            self.states[i] |= {a for s in due for a in self.after_asking(i, s, run, ended_early=True)}
        found = published(self.warehouse)
        assert found.keys() <= self.states.keys()
        settled = sum(state == SETTLED for state in found.values())
        assert settled >= self.settled_before
        self.settled_before = settled
        self.time_goes_on(run)

    def keeps(self, run, chosen):
        """All answers but the last few are stored: what waits in a batch, in the queue and with each worker."""
        few = chosen["batch_size"] + 3 * chosen["concurrency"] + 2
        stored = list(run.asked)[:-few]
        self.kept |= {i for i in stored if self.modes[i] == ("good", None)}

    @initialize(log=st.sampled_from(LOGS), ages=st.lists(st.sampled_from(AGES), max_size=3))
    def begin(self, log, ages):
        if ages:
            self.calls_are_logged(log, ages, "good", None)


def is_past_grace(generation_id, now):
    second = second_of(generation_id)
    return second is None or second <= now - GRACE


def prove(examples, steps):
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[phase for phase in Phase if phase is not Phase.explain],
    )
    with a_worker() as worker:
        run_state_machine_as_test(lambda: Nights(worker), settings=chosen)


def test_every_id_is_what_its_answers_say_whatever_the_nights_were_like():
    prove(examples=4, steps=20)


@pytest.mark.long
def test_every_id_is_what_its_answers_say_after_many_more_nights():
    prove(examples=200, steps=50)


if __name__ == "__main__":
    serve_orders()
