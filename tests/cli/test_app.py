import json
import logging
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from support.commands import environment, without_privileges
from support.logs import new_ids, write_log
from support.loopback import SECRET
from support.warehouses import IDS, NOW, chunk, settled

from ingest.cli import commands
from ingest.cli.app import COMMANDS, load_command
from ingest.cli.app import orusage as group
from ingest.cli.help import HELP
from ingest.cli.logs import JsonFormatter
from ingest.cli.options import FORMATS
from ingest.core.errors import Exit
from ingest.reports import formats
from ingest.warehouse.warehouse import Warehouse

HEAVY = ("duckdb", "polars", "httpx", "aiohttp", "msgspec", "rich", "uvicorn")


@pytest.fixture
def filled(tmp_path):
    with Warehouse(tmp_path / "orusage.duckdb", NOW) as warehouse:
        warehouse.add(chunk(IDS), "run", NOW)
        warehouse.commit([settled(i) for i in IDS], "run")


def modules_after(*arguments):
    call = "from ingest.__main__ import main; main(); print(*sys.modules)"
    code = f"import sys; sys.argv = ['orusage', *{arguments!r}]; {call}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_does_not_import_click(option):
    assert not modules_after(option).intersection({"click", "typing", "pathlib", *HEAVY})


@pytest.mark.parametrize("columns", ["", "0", "80", "200"])
def test_help_is_what_click_prints(orusage, columns):
    done = orusage("-q", "--help", COLUMNS=columns)
    assert (done.code, done.out, done.err) == (0, HELP, "")
    assert (orusage("--help", COLUMNS=columns).out, orusage("-h", COLUMNS=columns).out) == (HELP, HELP)


def test_help_fits_a_narrow_terminal(orusage):
    done = orusage("--help", COLUMNS="60")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) < 60
    assert done.out.split() == HELP.split()


@pytest.mark.parametrize(("redirection", "code"), [(">&-", 0), (">/dev/full", Exit.STORAGE)])
def test_help_to_an_output_that_fails(redirection, code):
    command = f"{sys.executable} -m ingest --help {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("ingest", "--help"), ("warehouse", "forget", "--help"), ("--version",)])
def test_help_of_a_command_imports_click_and_nothing_heavy(arguments):
    loaded = modules_after(*arguments)
    assert "click" in loaded
    assert not loaded.intersection(HEAVY)


def test_extract_imports_neither_network_nor_database(tmp_path):
    loaded = modules_after("extract", str(write_log(tmp_path / "a.log", new_ids(1))))
    assert not loaded.intersection(set(HEAVY) - {"msgspec"})


def test_the_formats_offered_are_those_there_are():
    assert set(FORMATS) == set(formats.FORMATS)


def test_every_command_has_help(orusage):
    for name in COMMANDS:
        done = orusage(name, "--help")
        assert done.code == 0
        assert "Usage: orusage" in done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_first_sentence_of_each_ones_help(name):
    command = load_command(name)
    assert command.name == name
    assert command.get_short_help_str(limit=1000) == group.commands[name].get_short_help_str() == COMMANDS[name]


def test_a_command_imports_no_other_command():
    code = "import sys; from ingest.cli.app import load_command; load_command('status'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    loaded = {name.rpartition(".")[2] for name in done.stdout.split() if name.startswith("ingest.cli.commands.")}
    assert loaded == {"status"}


def test_every_module_of_a_command_is_in_the_list_of_commands():
    folder = Path(commands.__file__).parent
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == {*COMMANDS}


def test_a_wrong_option_is_a_usage_error(orusage):
    done = orusage("ingest", "--concurency", "3")
    assert done.code == 2
    assert "--concurrency" in done.err


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("ingest", "--rate", "x"), "Invalid value for '--rate': 'x' is not a valid float range"),
        (("ingst",), "No such command 'ingst'. Did you mean 'ingest'?"),
        (("export", "cost_daily"), "Missing option '-o' / '--output'"),
        (("query", "-f", "gone.sql"), "Invalid value for '-f' / '--file': 'gone.sql': No such file or directory"),
        (("ingest", "--rate", SECRET), "Invalid value for '--rate': '[masked]' is not a valid float range"),
        ((SECRET,), "No such command '[masked]'"),
    ],
)
def test_a_wrong_call_is_three_lines_and_repeats_no_key(orusage, arguments, cause):
    done = orusage(*arguments)
    command = "orusage" if arguments[0] not in COMMANDS else f"orusage {arguments[0]}"
    assert done.code == Exit.USAGE
    assert done.err.splitlines() == [
        f"orusage: `{command}` cannot be called like this",
        f"  cause: {cause}",
        f"  fix:   see `{command} -h`",
    ]


def test_sources_without_an_id_are_told_from_those_that_were_not_read(orusage, tmp_path):
    (tmp_path / "a.log").write_text("nothing\n")
    done = orusage("ingest", "a.log", "gone.log")
    assert done.code == Exit.NO_INPUT
    assert done.err.splitlines()[1] == (
        "  cause: no generation ID in 2 sources; 1 not read, or not to the end: gone.log: no such file or directory"
    )
    assert orusage("ingest", "a.log").err.splitlines()[1] == "  cause: no generation ID in 1 source"
    rehearsal = orusage("ingest", "a.log", "gone.log", "--dry-run", "--summary", "json")
    assert (rehearsal.json["sources"], rehearsal.json["unreadable"]) == (2, 1)


def test_without_a_command_the_help_is_shown(orusage):
    done = orusage()
    assert (done.code, "Usage: orusage" in done.err) == (Exit.USAGE, True)


@pytest.mark.parametrize("arguments", [("query", "SELECT 1"), ("status",), ("ingest", "--dry-run"), ("ingest",)])
def test_a_warehouse_that_may_not_be_read_is_told_alike_by_every_command(filled, tmp_path, arguments):
    write_log(tmp_path / "a.log", new_ids(1))
    (tmp_path / "orusage.duckdb").chmod(0)
    command = [*without_privileges(), sys.executable, "-m", "ingest", *arguments]
    key = environment(OPENROUTER_API_KEY=SECRET)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=key, check=False)
    assert done.returncode == Exit.CANNOT_CREATE
    assert done.stderr.startswith("orusage: orusage.duckdb cannot be opened\n  cause: ")


@pytest.mark.parametrize(
    ("form", "first"), [("text", "gen-"), ("ndjson", '{"generation_id":'), ("csv", "generation_id,")]
)
def test_extract_prints_ids_with_source_and_position(orusage, tmp_path, form, first):
    ids = new_ids(3)
    write_log(tmp_path / "a.log", ids)
    done = orusage("extract", "a.log", "--format", form)
    assert done.code == 0
    assert done.out.startswith(first)
    data = (tmp_path / "a.log").read_bytes()
    for generation_id in ids:
        assert f"{data.index(generation_id.encode())}" in next(
            line for line in done.out.splitlines() if generation_id in line
        )
    assert not (tmp_path / "orusage.duckdb").exists()


def test_extract_reads_standard_input_and_its_own_output(orusage):
    generation_id = new_ids(1)[0]
    out = orusage("extract", "-", stdin=f"\u202e\x1b[31m{generation_id}\x1b[0m\n".encode()).out
    assert out == f"{generation_id}\t-\t8\n"
    assert orusage("extract", "-", stdin=out.encode()).out.startswith(generation_id)


def test_extract_names_what_it_cannot_read(orusage, tmp_path):
    write_log(tmp_path / "a.log", new_ids(1))
    partly = orusage("extract", "a.log", "gone.log")
    assert (partly.code, "gone.log" in partly.err) == (Exit.PARTIAL, True)
    assert orusage("extract", "gone.log").code == Exit.NO_INPUT


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    write_log(tmp_path / "a.log", new_ids(20_000))
    command = f"{sys.executable} -m ingest extract a.log | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.splitlines()[1] == "0"
    assert done.stderr == ""


def test_extract_stops_reading_when_its_reader_has_gone(tmp_path):
    endless = "import itertools\nfor n in itertools.count(): print(f'gen-1753485462-{n:020d}')"
    command = f'{sys.executable} -c "{endless}" 2>/dev/null | {sys.executable} -m ingest extract - | head -1'
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True, env=environment(), timeout=60
    )
    assert done.stdout.startswith("gen-1753485462-00000000000000000000")
    assert done.stderr == ""


def test_extract_of_a_directory_with_only_binary_files_has_nothing_to_read(orusage, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.bin").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    assert orusage("extract", "logs").code == Exit.NO_INPUT


@pytest.mark.parametrize("form", FORMATS)
def test_query_prints_every_format(orusage, filled, form):
    done = orusage("query", "SELECT model, total_usage FROM cost_by_model ORDER BY 1", "--format", form)
    assert done.code == 0
    assert "total_usage" in done.out
    assert "\x1b" not in done.out


def test_query_takes_sql_from_a_file_and_from_a_view(orusage, filled, tmp_path):
    (tmp_path / "q.sql").write_text("SELECT count(*) AS n FROM generations", encoding="utf-8")
    assert orusage("query", "-f", "q.sql", "--format", "json").json == [{"n": len(IDS)}]
    rows = orusage("query", "--view", "cost_daily", "--format", "ndjson").out.splitlines()
    assert sum(json.loads(r)["request_count"] for r in rows) == len(IDS)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM generations",
        "CREATE TABLE x (a INTEGER)",
        "COPY generations TO 'out.csv'",
        "ATTACH 'other.duckdb'",
        "SELECT * FROM read_text('/etc/passwd')",
        "INSTALL httpfs",
        "SET memory_limit = '1GB'",
        "SELEC 1",
        "SELECT * FROM nowhere",
        "SELECT 1 / 0 + CAST('x' AS INTEGER)",
        "",
    ],
)
def test_query_refuses_what_is_no_harmless_question(orusage, filled, tmp_path, statement):
    before = (tmp_path / "orusage.duckdb").read_bytes()
    done = orusage("query", statement)
    assert done.code == Exit.USAGE
    assert done.err.startswith("orusage: ")
    assert "  fix:   " in done.err
    assert (tmp_path / "orusage.duckdb").read_bytes() == before


def test_query_wants_exactly_one_question(orusage, filled):
    assert orusage("query").code == Exit.USAGE
    assert orusage("query", "SELECT 1", "--view", "cost_daily").code == Exit.USAGE


def test_an_unknown_view_is_answered_with_a_suggestion(orusage, filled):
    done = orusage("query", "--view", "cost_dayly")
    assert done.code == Exit.USAGE
    assert "did you mean cost_daily?" in done.err


def test_views_lists_relations_and_explains_one(orusage, filled):
    names = {row["relation"] for row in orusage("views", "--format", "json").json}
    assert {"cost_daily", "ops.coverage", "generations"} <= names
    columns = orusage("views", "cost_daily", "--format", "json").json
    assert [c["column_name"] for c in columns][:3] == ["requested_day", "request_count", "total_usage"]
    assert all(c["meaning"] for c in columns)


@pytest.mark.parametrize("command", [("query", "SELECT 1"), ("views",), ("status",)])
def test_reading_a_warehouse_that_is_not_there(orusage, tmp_path, command):
    done = orusage(*command)
    assert done.code == Exit.NO_INPUT
    assert "orusage ingest" in done.err
    assert list(tmp_path.iterdir()) == []


def test_options_come_from_the_environment_too(orusage, filled, tmp_path):
    (tmp_path / "orusage.duckdb").rename(tmp_path / "other.duckdb")
    done = orusage("status", ORUSAGE_WAREHOUSE="other.duckdb", ORUSAGE_STATUS_FORMAT="json")
    assert done.json[0]["settled"] == len(IDS)


def test_log_lines_as_json(orusage, tmp_path):
    write_log(tmp_path / "a.log", [])
    done = orusage("--log-format", "json", "extract", "a.log", "gone.log")
    assert json.loads(done.err)["level"] == "warning"


def test_a_json_log_line_carries_fields_that_replace_nothing():
    record = logging.makeLogRecord({"msg": "%d done", "args": (3,), "levelno": 20, "levelname": "INFO"})
    record.fields = {"done": 3, "rate": None, "message": "x", "level": "x", "time": "x"}
    line = json.loads(JsonFormatter().format(record))
    assert list(line) == ["time", "level", "message", "done", "rate"]
    assert (line["level"], line["message"], line["done"]) == ("info", "3 done", 3)
    assert datetime.fromisoformat(line["time"]).tzinfo


def test_every_option_has_the_environment_variable_of_its_own_name():
    for command in (group, *map(load_command, COMMANDS), *load_command("warehouse").commands.values()):
        for param in command.params:
            if param.param_type_name == "option":
                assert f"--{param.name.replace('_', '-')}" in param.opts


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        ("SELECT INTERVAL 90 MINUTE AS age, '101'::BIT AS bits, [1, 2] AS list", ["age", "bits", "list"]),
        ('SELECT 1 AS a, 2 AS a, 3 AS "a""b"', ["a", "a_", 'a"b']),
        ("SELECT uuid() AS u, {'x': 1} AS s, now() AS t, sum(attempts) AS n FROM generations", ["u", "s", "t", "n"]),
    ],
)
def test_query_prints_types_and_names_that_a_frame_does_not_know(orusage, filled, statement, columns):
    done = orusage("query", statement, "--format", "json")
    assert (done.code, list(done.json[0])) == (0, columns), done.err


def test_a_join_with_using_can_be_printed(orusage, filled):
    assert orusage("query", "SELECT * FROM generations JOIN provider_attempts USING (generation_id) LIMIT 1").code == 0


def test_sql_that_is_no_text(orusage, filled, tmp_path):
    (tmp_path / "q.sql").write_bytes(b"SELECT '\xff\xfe'")
    assert orusage("query", "-f", "q.sql").code == Exit.USAGE


@pytest.mark.parametrize("options", [[], ["--debug"]])
def test_the_exit_code_is_the_same_whatever_is_shown(orusage, options):
    assert orusage(*options, "extract", "gone.log").code == Exit.NO_INPUT


@pytest.mark.parametrize("redirection", ["| true", "2>&1 | true", "2>&-", ">&-", "2>/dev/full"])
def test_the_exit_code_is_the_same_whoever_listens(tmp_path, redirection):
    write_log(tmp_path / "a.log", new_ids(1))
    command = f"{sys.executable} -m ingest extract a.log gone.log {redirection}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, env=environment(), check=False)
    assert done.returncode == Exit.PARTIAL
    assert b"Traceback" not in done.stderr


FULL = [
    (("query", "SELEC 1"), Exit.USAGE),
    (("-v", "extract", "a.log", "gone.log"), Exit.PARTIAL),
    (("--log-format", "json", "-v", "extract", "a.log", "gone.log"), Exit.PARTIAL),
    (("export", "-o", "out"), Exit.DONE),
    (("nonsense",), Exit.USAGE),
    (("-w", "none.duckdb", "status"), Exit.NO_INPUT),
]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("arguments", "code"), FULL)
def test_a_full_disk_behind_standard_error_does_not_change_how_a_command_ends(tmp_path, arguments, code):
    write_log(tmp_path / "a.log", new_ids(1))
    command = [sys.executable, "-m", "ingest", *arguments]
    variables = environment(ORUSAGE_WAREHOUSE=None)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=full, env=variables, check=False)
    assert done.returncode == code


def test_a_full_disk_behind_standard_output_is_a_disk_error(tmp_path):
    write_log(tmp_path / "a.log", new_ids(1))
    command = [sys.executable, "-m", "ingest", "extract", "a.log"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
        )
    assert done.returncode == Exit.STORAGE
    assert b"Traceback" not in done.stderr


def test_a_terminal_of_another_encoding_gets_escapes(orusage, filled):
    assert orusage("status", PYTHONIOENCODING="latin-1").code == 0


def test_a_period_of_ids_that_ends_before_it_begins_is_refused(orusage, filled):
    done = orusage("ingest", "a.log", "--since", "2026-11-25", "--until", "2026-11-20")
    assert (done.code, done.err.count("\n")) == (2, 3)
    assert "the period is empty" in done.err


def test_a_warehouse_called_memory_is_a_file(orusage, filled, tmp_path):
    (tmp_path / "orusage.duckdb").rename(tmp_path / ":memory:")
    assert orusage("-w", ":memory:", "status", "--format", "json").json[0]["settled"] == len(IDS)


def test_an_error_that_ctrl_c_ended_in_is_ctrl_c(monkeypatch, capsys):
    from ingest.cli import main

    def query(**_):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None  # as DuckDB 1.5 does

    monkeypatch.setattr(main.orusage, "main", query)
    assert main.main() == Exit.INTERRUPTED
    assert capsys.readouterr().err == ""


def test_an_unexpected_error_masks_what_looks_like_a_key(monkeypatch, capsys):
    from ingest.cli import main

    def fail(**_):
        raise RuntimeError("Illegal header value b'Bearer sk-or-v1-secretsecret'")

    monkeypatch.setattr(main.orusage, "main", fail)
    assert main.main() == Exit.UNEXPECTED
    err = capsys.readouterr().err
    assert "secretsecret" not in err
    assert "RuntimeError" in err
