"""A log of two accounts, from the configuration to the warehouse."""

import json
from decimal import Decimal

import duckdb
import pytest
from support.logs import new_ids, write_log
from support.simulators import running_simulator

from ingest.core.errors import Exit
from ingest.simulator.ownership import owner

KEYS = {"work": "sk-or-v1-account-1-of-2-0123456789abcdef", "home": "sk-or-v1-account-2-of-2-0123456789abcdef"}

CONFIGURATION = """\
warehouse = "usage.duckdb"
base_url = "{base_url}"
sources = ["mixed.log", {{ path = "home.log", account = "home" }}]

[accounts.work]
api_key_file = "keys/work"

[accounts.home]
api_key_env = "HOME_KEY"
"""


@pytest.fixture(scope="module")
def simulation():
    with running_simulator("--seed", "0") as simulation:
        yield simulation


@pytest.fixture
def folder(tmp_path, simulation):
    (tmp_path / "keys").mkdir(mode=0o700)
    key = tmp_path / "keys" / "work"
    key.write_text(KEYS["work"])
    key.chmod(0o600)
    (tmp_path / "orusage.toml").write_text(CONFIGURATION.format(base_url=simulation.base_url))
    return tmp_path


def rows(folder, statement):
    with duckdb.connect(folder / "usage.duckdb", read_only=True) as connection:
        return connection.execute(statement).fetchall()


def account_of(generation_id):
    return ("work", "home")[owner(0, generation_id, 2) - 1]


def test_each_id_of_two_accounts_is_settled_by_its_own(orusage, folder):
    ids = new_ids(60)
    of_home = [i for i in ids if account_of(i) == "home"][:10]
    write_log(folder / "mixed.log", [i for i in ids if i not in of_home])
    write_log(folder / "home.log", of_home)
    before = orusage("ingest", "--dry-run", "--summary", "json", HOME_KEY=KEYS["home"])
    assert (before.code, before.json["new_ids"]) == (0, 60)
    done = orusage("ingest", "--summary", "json", HOME_KEY=KEYS["home"])
    assert (done.code, done.json["settled"], done.json["dead"], done.json["pending"]) == (0, 60, 0, 0)
    expected = {i: account_of(i) for i in ids}
    assert dict(rows(folder, "SELECT generation_id, account FROM generations")) == expected
    counts = {name: list(expected.values()).count(name) for name in KEYS}
    assert done.json["settled_by"] == counts
    assert done.json["requests"] <= 60 + 50
    assert {a for (a,) in rows(folder, "SELECT account FROM ops.work")} == set()
    status = orusage("status")
    assert all(f"{name}" in status.out for name in KEYS)
    stored = (folder / "usage.duckdb").read_bytes()
    assert not any(key.encode() in stored or key in done.out + done.err + status.out for key in KEYS.values())


def test_a_refused_key_costs_the_other_account_nothing(orusage, folder):
    ids = new_ids(30)
    write_log(folder / "mixed.log", ids)
    write_log(folder / "home.log", [])
    done = orusage("ingest", HOME_KEY="sk-or-v1-invalid-0123456789abcdef")
    assert done.code == Exit.KEY_REFUSED
    assert "orusage: OpenRouter refused the API key of account home" in done.err
    assert {i for (i,) in rows(folder, "SELECT generation_id FROM generations")} == {
        i for i in ids if account_of(i) == "work"
    }
    assert rows(folder, "SELECT DISTINCT state, reason FROM ops.work") == [("pending", None)]
    again = orusage("ingest", HOME_KEY=KEYS["home"])
    assert again.code == 0
    assert rows(folder, "SELECT count(*) FROM ops.work") == [(0,)]


@pytest.mark.parametrize(
    ("variable", "code", "what"),
    [
        (KEYS["work"], Exit.CONFIGURATION, "the accounts work and home have the same key"),
        (None, Exit.KEY_REFUSED, "no API key (account home)"),
    ],
)
def test_keys_that_cannot_be_used_use_no_log_up(orusage, folder, variable, code, what):
    write_log(folder / "mixed.log", new_ids(3))
    write_log(folder / "home.log", [])
    done = orusage("ingest", HOME_KEY=variable)
    assert done.code == code
    assert done.err.startswith(f"orusage: {what}\n")
    assert not any(key in done.out + done.err for key in KEYS.values())
    assert not (folder / "usage.duckdb").exists()


def test_get_finds_an_id_at_whichever_account_has_it(orusage, folder):
    ids = new_ids(6, seed=3)
    done = orusage("get", *ids, HOME_KEY=KEYS["home"])
    assert done.code == 0
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ids
    assert {account_of(i) for i in ids} == {"work", "home"}


BILLED = """\
warehouse = "usage.duckdb"

[accounts.work]
api_key_env = "WORK_KEY"
management_key_env = "WORK_MANAGEMENT_KEY"
base_url = "{work}"

[accounts.home]
api_key_env = "HOME_KEY"
management_key_env = "HOME_MANAGEMENT_KEY"
base_url = "{home}"

[accounts.lab]
api_key_env = "LAB_KEY"
base_url = "{home}"
"""


def test_discover_and_reconcile_ask_each_account_that_has_a_management_key(orusage, tmp_path):
    traffic = ("--traffic", "6", "--unlogged", "1.0")
    with running_simulator("--seed", "1", *traffic) as work, running_simulator("--seed", "2", *traffic) as home:
        (tmp_path / "orusage.toml").write_text(BILLED.format(work=work.base_url, home=home.base_url))
        keys = {name: f"sk-or-v1-{name}-0123456789abcdef" for name in ("work", "home", "lab")}
        variables = {f"{name.upper()}_KEY": key for name, key in keys.items()}
        variables |= {f"{name.upper()}_MANAGEMENT_KEY": f"{key}-management" for name, key in keys.items()}
        found = orusage("discover", "--since", "3d", **variables)
        assert (found.code, found.err) == (0, "")
        assert [line for line in found.out.splitlines() if line.startswith("account")] == [
            "account   work",
            "account   home",
        ]
        told = dict(rows(tmp_path, "SELECT generation_id, account FROM discovered_generations"))
        assert set(told.values()) == {"work", "home"}
        assert dict(rows(tmp_path, "SELECT generation_id, account FROM ops.work")) == told
        done = orusage("ingest", "--summary", "json", **variables)
        assert (done.code, done.json["requests"]) == (0, len(told))  # each at its own account first
        assert dict(rows(tmp_path, "SELECT generation_id, account FROM generations")) == told
        assert orusage("-q", "reconcile", **variables).code == 0
        for table in ("activity", "activity_days", "analytics_days", "credits", "api_keys"):
            assert rows(tmp_path, f"SELECT DISTINCT account FROM ops.{table} ORDER BY 1") == [("home",), ("work",)]
        variables["WORK_MANAGEMENT_KEY"] = keys["work"]  # which is of the wrong kind
        for command in ("discover", "reconcile"):
            refused = orusage(command, **variables)
            assert refused.code == Exit.KEY_REFUSED
            assert "(account work)" in refused.err
            assert refused.out  # of the other account


def test_a_run_stores_the_rates_of_the_configuration_and_then_complains_of_a_mistake_in_them(orusage, folder):
    ids = [i for i in new_ids(8, seed=4) if account_of(i) == "work"]
    write_log(folder / "mixed.log", ids)
    write_log(folder / "home.log", [])
    with (folder / "orusage.toml").open("a") as file:
        file.write('\n[adjustments]\nrates = "rates.csv"\n')
    (folder / "rates.csv").write_text("from_date,currency,rate\n2020-01-01,EUR,nine\n")
    wrong = orusage("ingest", HOME_KEY=KEYS["home"])
    assert (wrong.code, "line 2 of" in wrong.err) == (Exit.UNEXPECTED_INPUT, True)
    assert rows(folder, "SELECT count(*) FROM generations") == [(len(ids),)]
    (folder / "rates.csv").write_text("from_date,currency,rate\n2020-01-01,EUR,0.9\n")
    assert orusage("ingest", HOME_KEY=KEYS["home"]).code == 0
    before = (folder / "usage.duckdb").stat()
    assert rows(folder, "SELECT currency, rate FROM ops.rates") == [("EUR", Decimal("0.9"))]
    assert orusage("ingest", HOME_KEY=KEYS["home"]).code == 0
    assert (folder / "usage.duckdb").stat().st_ino == before.st_ino
