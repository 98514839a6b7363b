"""The real command: killed, interrupted, on a full disk; its output, its exit codes, and what others may read."""

import hashlib
import os
import resource
import subprocess

import duckdb
import polars as pl
import pytest
from support.commands import finished, interrupted
from support.fault_shim import KILLED, build, calls_in

from ingest.core.errors import Exit
from ingest.export.journal import STAGING
from ingest.export.manifest import MANIFEST, decode

VIEWS = ("cost_daily", "generation_facts")


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def place(simulated_warehouse, tmp_path):
    """A warehouse of the test's own, and a whole export of what it held before."""
    (tmp_path / "orusage.duckdb").write_bytes(simulated_warehouse.read_bytes())
    done = command(tmp_path, *VIEWS)
    assert done.code == 0, done.err
    with duckdb.connect(tmp_path / "orusage.duckdb") as connection:
        connection.execute("DELETE FROM generations WHERE hash(generation_id) % 3 = 0")
        connection.execute("DELETE FROM ops.cost_rollup WHERE requested_day > DATE '2026-09-28'")
    return tmp_path


def command(directory, *arguments, limits=None, **variables):
    out = ("-o", directory / "out")  # the shim wants whole paths
    return finished("export", *out, *arguments, variables=variables, cwd=directory, preexec_fn=limits)


def shimmed(place, shim, **variables):
    log = place / "calls"
    log.unlink(missing_ok=True)
    names = {f"SHIM_{name.upper()}": value for name, value in variables.items()}
    done = command(place, *VIEWS, LD_PRELOAD=str(shim), SHIM_DIR=str(place / "out"), SHIM_LOG=str(log), **names)
    return done, calls_in(log)


def checksums(place):
    return {name: hashlib.sha256((place / "out" / f"{name}.parquet").read_bytes()).hexdigest() for name in VIEWS}


def is_whole(place):
    """What the manifest says is there."""
    files = decode((place / "out" / MANIFEST).read_bytes()).files
    return checksums(place) == {path.removesuffix(".parquet"): file.sha256 for path, file in files.items()}


@pytest.fixture
def numbers(place, shim, tmp_path_factory):
    """Which call of a clean run is which."""
    clean = tmp_path_factory.mktemp("clean")
    subprocess.run(["cp", "-r", f"{place}/.", clean], check=True)
    done, calls = shimmed(clean, shim)
    assert done.code == 0, done.err
    assert is_whole(clean)

    def find(name, ending, which=0):
        return str([c.number for c in calls if c.name == name and c.path.endswith(ending)][which])

    return find


IN_THE_FILE = ("write", "generation_facts.parquet", -1)
AT_THE_JOURNAL = ("rename", f"{STAGING}/{MANIFEST}")
BETWEEN_FILES = ("rename", "out/generation_facts.parquet")
AT_THE_MANIFEST = ("rename", f"out/{MANIFEST}")


@pytest.mark.parametrize("where", [IN_THE_FILE, AT_THE_JOURNAL, BETWEEN_FILES, AT_THE_MANIFEST], ids=lambda w: w[1])
def test_kill_minus_9_leaves_whole_files_and_the_next_export_is_complete(place, shim, numbers, where):
    old = checksums(place)
    done, _ = shimmed(place, shim, at=numbers(*where), do="kill")
    assert done.code == KILLED
    if where in (IN_THE_FILE, AT_THE_JOURNAL):
        assert checksums(place) == old
        assert is_whole(place)
    for name in VIEWS:
        assert pl.read_parquet(place / "out" / f"{name}.parquet").height
    assert command(place, *VIEWS).code == 0
    assert is_whole(place)
    assert all(new != old[name] for name, new in checksums(place).items())
    assert not (place / "out" / STAGING).exists()


@pytest.mark.parametrize("where", [("write", "cost_daily.parquet"), ("write", "manifest.draft")], ids=lambda w: w[1])
def test_a_full_disk_is_reported_and_leaves_the_earlier_export(place, shim, numbers, where):
    old = sorted((place / "out").rglob("*")), checksums(place)
    done, _ = shimmed(place, shim, at=numbers(*where), do="full:28")
    assert done.code == Exit.STORAGE, done.err
    assert "No space left" in done.err
    assert [line[:9] for line in done.err.splitlines()] == ["orusage: ", "  cause: ", "  fix:   "]
    assert is_whole(place)
    assert (sorted((place / "out").rglob("*")), checksums(place)) == old


@pytest.mark.parametrize("form", ["csv", "excel"])
def test_a_file_size_limit_is_reported(place, form):
    old = checksums(place)

    def limits():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = command(place, "generation_facts", "--format", form, limits=limits)
    assert done.code == Exit.STORAGE, done.err
    assert done.err.splitlines()[0].endswith("out failed")
    assert checksums(place) == old
    assert is_whole(place)


@pytest.mark.parametrize("form", ["parquet", "excel"])
@pytest.mark.parametrize("cpu_seconds", [0, 2], ids=["while-it-begins", "while-it-works"])
def test_ctrl_c_ends_it_at_once_and_leaves_nothing(place, form, cpu_seconds):
    endless = "SELECT a.range AS n FROM range(1000000) AS a, range(1000000) AS b WHERE a.range + b.range < 0"
    with duckdb.connect(place / "orusage.duckdb") as connection:
        connection.execute(f"CREATE VIEW endless AS {endless}")
    old = sorted((place / "out").rglob("*"))
    files = place / "out" / STAGING / "files"
    asked = ("export", "-o", "out", "--format", form, "endless")
    done = interrupted(*asked, cwd=place, begun=lambda _: files.exists(), cpu_seconds=cpu_seconds)
    assert done.code == Exit.INTERRUPTED, done.err
    assert "Traceback" not in done.err
    assert sorted((place / "out").rglob("*")) == old


def test_one_line_per_relation_and_logs_on_standard_error(place):
    done = command(place, "cost_daily", "main.generations", "--partition-by", "requested_day")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()[2:]] == ["cost_daily", "generations"]
    assert done.out.split()[:4] == ["relation", "rows", "files", "bytes"]
    assert MANIFEST in done.err


def test_it_is_its_owners_alone_under_any_umask(place):
    done = command(place, "cost_daily", "-o", "other", "--partition-by", "requested_day", limits=lambda: os.umask(0))
    assert done.code == 0
    modes = {p.stat().st_mode & 0o777 for p in [place / "other", *(place / "other").rglob("*")]}
    assert modes == {0o600, 0o700}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("cost_dialy",), Exit.USAGE, "did you mean cost_daily?"),
        (("cost_daily", "--format", "csv", "--compression", "zstd"), Exit.USAGE, "only Parquet"),
        (("cost_by_model", "--since", "3d"), Exit.USAGE, "requested_day"),
        (("cost_daily", "--since", "yesterday"), Exit.USAGE, "neither a date"),
        (("cost_daily", "-o", "taken"), Exit.CANNOT_CREATE, "was not written by an export"),
    ],
)
def test_wrong_usage_is_reported_with_its_exit_code(place, arguments, code, told):
    (place / "taken").write_text("mine")
    done = command(place, *arguments)
    assert done.code == code
    assert told in done.err
    assert is_whole(place)
