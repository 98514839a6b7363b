"""What a fault has left, judged without the product's own checks, and a shim that sees more calls than `fault_shim`.

Beside what `fault_shim` looks at: what was committed before a fault is neither lost nor asked for again, and no log is
needed for it any more; each attempt is there once; a source is never noted as read further than its IDs were stored;
and nothing had to be set aside.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from support import fault_shim
from support.commands import Done, environment
from support.fault_shim import KILLED, Call, Fault, build
from support.logs import new_ids

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KILLED", "Call", "Fault", "Place"]

IDS = new_ids(60, seed=11)
BEFORE = 44
"""So many of them are published before a fault."""
STORAGE = 74
ONE_BY_ONE = ("--concurrency", "1")
"""Makes a run do the same calls in the same order each time."""
PUBLISHING = (*ONE_BY_ONE, "--publish-every", "1ms")
"""Publishes after each commit."""

WIDER = """
/* What `fault_shim` does not see: files that are created, DuckDB's way of removing them, mode and owner. */
#include "shim.c"
#include <sys/stat.h>

#define OPENING(name)                                                             \\
    int name(const char *path, int flags, ...) {                                  \\
        va_list rest;                                                             \\
        va_start(rest, flags);                                                    \\
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; \\
        va_end(rest);                                                             \\
        size_t part = 0;                                                          \\
        if (flags & O_CREAT && access(path, F_OK)) {                              \\
            int todo = fate("create", path, 0, &part);                            \\
            if (todo < 0) return -1;                                              \\
            if (todo == 1) die();                                                 \\
        }                                                                         \\
        return REAL(name)(path, flags, mode);                                     \\
    }

OPENING(open)
OPENING(open64)
CHANGING(int remove(const char *path), "unlink", path, REAL(remove)(path))
CHANGING(int chmod(const char *path, mode_t mode), "chmod", path, REAL(chmod)(path, mode))
CHANGING(int chown(const char *path, uid_t user, gid_t group), "chown", path, REAL(chown)(path, user, group))
"""


def build_wider(directory: Path) -> Path:
    """Compile the shim of `fault_shim` with more in it; skips the test where that cannot be done."""
    target = build(directory)
    command = ["gcc", "-shared", "-fPIC", "-O2", "-I", fault_shim.SOURCE.parent, "-o", target, "-x", "c", "-", "-ldl"]
    subprocess.run(command, input=WIDER.encode(), check=True)
    return target


class Place(fault_shim.Place):
    """The same, run within its directory: a copy of it has its log under the same name, so what was read stays read."""

    def case(self) -> Place:
        """A copy to be harmed, in place of the last one."""
        return self.like(self.directory.parent / "case")

    def command(self, *options: str) -> list[str]:
        """Of a run."""
        command = [sys.executable, "-m", "ingest", "-w", "w/orusage.duckdb", "ingest"]
        command += ["logs"] if self.log.exists() else []
        return [*command, "--base-url", self.base_url, "--batch-size", str(fault_shim.BATCH), *options]

    def variables(self, fault: Fault | None = None) -> dict[str, str]:
        """The environment of a run."""
        chosen = {"SHIM_AT": str(fault.at), "SHIM_DO": fault.do, "SHIM_ONLY": fault.only} if fault else {}
        self.calls_file.unlink(missing_ok=True)
        watched = {"SHIM_DIR": str(self.folder), "SHIM_LOG": str(self.calls_file)}
        return environment(LD_PRELOAD=str(self.shim), **watched, **chosen)

    def run(self, fault: Fault | None = None, *options: str, under: tuple[str, ...] = (), **limits) -> Done:
        """The command, with a fault or without, maybe `under` another one."""
        command = [*under, *self.command(*options)]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self.variables(fault),
            capture_output=True,
            timeout=120,
            check=False,
            **limits,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    @property
    def work(self) -> Path | None:
        """The work copy, if there is one."""
        found = list((self.folder / "orusage.duckdb.work").glob("work-*.duckdb"))
        assert len(found) <= 1, found
        return found[0] if found else None

    @property
    def quarantine(self) -> list[str]:
        """What could not be used."""
        return [path.name for path in self.folder.rglob("quarantine-*")]


# What is stored


@dataclass(frozen=True)
class State:
    """What a database holds.

    Attributes:
        number: Of its last commit.
        usage: Spend by settled ID.
        attempts: Their numbers by settled ID.
        asked: By settled ID, in which run it was asked, and when.
        waiting: IDs in the ledger.
    """

    number: int
    usage: dict[str, object]
    attempts: dict[str, list[int]]
    asked: dict[str, tuple]
    waiting: frozenset[str]


NOTHING = State(-1, {}, {}, {}, frozenset())


def state_of(connection: duckdb.DuckDBPyConnection, ids=IDS) -> State:
    """What is stored, if it is consistent: whatever a run has been through, these hold of each state it leaves."""

    def rows(statement: str) -> list[tuple]:
        return connection.execute(statement).fetchall()

    settled = rows("SELECT generation_id, usage, coalesce(attempts, 0), run_id, fetched_at FROM generations")
    waiting = [i for (i,) in rows("SELECT generation_id FROM ops.work")]
    attempts = {i: [] for i, *_ in settled}
    for i, attempt in rows("SELECT generation_id, attempt FROM provider_attempts ORDER BY ALL"):
        assert i in attempts, f"an attempt of {i}, which is not settled"
        attempts[i].append(attempt)
    known = [i for i, *_ in settled] + waiting
    assert len(known) == len(set(known)), "an ID is there twice"
    assert set(known) <= set(ids), "an ID from nowhere"
    for i, _, count, *_ in settled:
        assert attempts[i] == list(range(1, count + 1)), f"{i} has {count} attempts, there are {attempts[i]}"
    for source, position in rows("SELECT source, position FROM ops.sources"):
        read = position // len(f'{{"level": "info", "response": {{"id": "{ids[0]}"}}}}\n')
        assert set(ids[:read]) <= set(known), f"{source} is noted as read to {position}, its IDs are not stored"
    [(number,)] = rows("SELECT number FROM ops.last_commit")
    asked = {i: (run, when) for i, *_, run, when in settled}
    return State(number, {i: usage for i, usage, *_ in settled}, attempts, asked, frozenset(waiting))


def published(place: Place) -> State:
    """What readers see; it must open."""
    if not place.warehouse.exists():
        return NOTHING
    with duckdb.connect(place.warehouse, read_only=True) as connection:
        return state_of(connection)


def committed(place: Place) -> State:
    """What was committed, be it published or in the work copy, of which a copy is opened."""
    seen = published(place)
    if not place.work:
        return seen
    scratch = place.directory / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(place.work.parent, scratch)
    with duckdb.connect(scratch / place.work.name, config={"checkpoint_threshold": "1TB"}) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'last_commit'").fetchall():
            return seen  # one in which a first run had not got so far as to make the tables
        work = state_of(connection)
    assert work.number >= seen.number, "the work copy is older than what is published"
    return work


def survives(place: Place, complete: State, done: Done, expected_codes: set[int]) -> State:
    """Prove that a faulty run harmed nothing and that the next one completes; returns what the first had committed."""
    assert done.code in expected_codes, f"exit code {done.code}: {done.err[-900:]}"
    assert published(place).usage.items() <= complete.usage.items()
    before = committed(place)
    assert before.usage.items() <= complete.usage.items()
    if before.usage.keys() | before.waiting == set(IDS):
        place.log.unlink()  # what was taken in is not found once more
    after = place.run()
    assert after.code == 0, f"the next run: exit code {after.code}: {after.err[-900:]}"
    stored = published(place)
    assert stored.usage == complete.usage, f"lost {complete.usage.keys() - stored.usage.keys()}"
    assert stored.attempts == complete.attempts
    assert stored.waiting == frozenset()
    assert before.asked.items() <= stored.asked.items(), "what was committed was asked for again"
    assert place.quarantine == []
    assert place.left() == ["lock"]
    assert not place.warehouse.with_name("orusage.duckdb.wal").exists()
    return before


def wrong_with(faults_and_what: dict[str, Exception]) -> str:
    """All that went wrong, named."""
    return "\n".join(f"{fault}: {problem}" for fault, problem in faults_and_what.items())


# What a run does


def calls_of(place: Place, *options: str) -> list[Call]:
    """What a run that begins like this changes, if nothing happens to it."""
    clean = place.like(place.directory.parent / "clean")
    done = clean.run(None, *options)
    assert done.code == 0, done.err
    return clean.calls


def ends_within_publish(calls: list[Call]) -> bool:
    """Whether a run that was killed at the last of these calls had begun a publish, and not ended it."""
    for call in reversed(calls[:-1]):
        if call.name == "unlink" and call.path.endswith("publishing"):
            return False
        if call.name == "create" and call.path.endswith("next.duckdb"):
            return True
    return False


def find(calls: list[Call], name: str, ending: str, which: int = 0) -> int:
    """The number of a call: so many of this name on files whose names end like this; -1 is the last."""
    return [call.number for call in calls if call.name == name and call.path.endswith(ending)][which]


# Where a run begins


def begun_place(directory: Path, base_url: str) -> Place:
    """A warehouse with half of the IDs, published, and a log with all of them."""
    place = Place(directory / "begun", build_wider(directory), base_url)
    place.append(IDS[:BEFORE])
    done = place.run()
    assert done.code == 0, done.err
    place.append(IDS[BEFORE:])
    return place


def fresh_place(begun: Place) -> Place:
    """The same before the first run."""
    place = begun.like(begun.directory.parent / "fresh")
    shutil.rmtree(place.folder)
    place.folder.mkdir()
    return place


def died_place(begun: Place) -> Place:
    """The same after a run that was killed as it began to publish: all is committed, in a work copy that waits."""
    place = begun.like(begun.directory.parent / "died")
    chosen = find(calls_of(begun, *ONE_BY_ONE), "create", "next.duckdb")
    assert place.run(Fault(chosen, "kill"), *ONE_BY_ONE).code == KILLED
    return place


def complete_state(begun: Place) -> State:
    """What there is in the end, by a run to which nothing happens."""
    place = begun.like(begun.directory.parent / "complete")
    done = place.run()
    assert done.code == 0, done.err
    state = published(place)
    assert set(state.usage) == set(IDS)
    return state
