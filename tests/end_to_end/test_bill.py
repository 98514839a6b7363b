"""Does what is ingested equal the bill? Nights of a simulated account, some of whose generations no log names."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.request import urlopen

import duckdb
from support.commands import KEY, assert_three_lines
from support.virtual_nights import account

from ingest.reports.reconciliation import text_of

FIRST, NIGHTS, PER_DAY = date(2026, 9, 1), 60, 6


def usd(amount):
    return Decimal(amount).scaleb(-12)


def unlogged(each, first, last):
    """The calls of some days that no log names."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [c for day in days for c in each.traffic.calls_of(day) if not each.traffic.is_logged(c.generation_id)]


def assert_the_remainder_is_named(each, found, first, last):
    """Without discovery: its number and its cost to the last digit, in all and by model."""
    missing = unlogged(each, first, last)
    assert missing
    verdict = found.verdict
    assert (verdict.unlogged, verdict.credits.missing) == (len(missing), usd(sum(c.usage for c in missing)))
    assert verdict.byok.missing - verdict.byok.excess == usd(sum(c.byok_usage for c in missing))
    assert {m.label: m.count for m in verdict.by_model} == Counter(c.model.split(":")[0] for c in missing)
    assert verdict.credits.coverage < 1
    assert f"{len(missing)} generations were never logged" in found.lines[1]
    assert "`orusage discover` names them" in found.lines[1]


def assert_all_is_explained(found, calls, missing):
    verdict = found.verdict
    assert (verdict.credits.missing, verdict.credits.excess, verdict.byok.missing, verdict.requests.missing) == (0,) * 4
    assert (verdict.coverage, verdict.credits.billed) == (1, usd(sum(c.usage for c in calls)))
    assert found.lines[0].startswith("100.00 % of $")
    assert {u.label: u.count for u in verdict.by_key} == Counter(c.key.name for c in missing)
    most = max(Counter(c.key.name for c in missing).values())
    assert found.lines[1].startswith(f"{len(missing)} generations were never logged, {most} of them with key ")
    assert set(found.report.rows["difference"]) == {"equal"}


def test_sixty_nights_are_explained_to_the_cent_with_discovery_and_without_it_the_remainder_is_named(tmp_path):
    with account(tmp_path, FIRST, traffic=PER_DAY, unlogged=0.1, seed=3) as each:
        for night in range(NIGHTS):
            day = FIRST + timedelta(days=night)
            each.clock.night = datetime(day.year, day.month, day.day, 3, tzinfo=UTC) + timedelta(days=1)
            each.write_log(day)
            if night % 15 == 14:
                each.ingest()
            if night % 30 == 29:
                month = day - timedelta(days=29)
                problems, found = each.reconcile()
                assert (problems.said, problems.is_partial) == ((), False)
                assert_the_remainder_is_named(each, found, month, day)
                each.discover()
                each.ingest()
        _, whole = each.reconcile(since=datetime(2026, 9, 1, tzinfo=UTC))
        days = [FIRST + timedelta(days=n) for n in range(NIGHTS)]
        calls = [c for day in days for c in each.traffic.calls_of(day)]
        assert len(calls) == NIGHTS * PER_DAY
        assert_all_is_explained(whole, calls, unlogged(each, days[0], days[-1]))
        with duckdb.connect(each.path, read_only=True) as connection:
            query = "SELECT count(*), sum(missing_usage), sum(missing_byok_usage), sum(missing_requests) FROM ops."
            assert connection.execute(f"{query}reconciliation_days").fetchall() == [(60, 0, 0, 0)]
            assert connection.execute(f"{query}reconciliation_keys").fetchall()[0][1:] == (0, 0, 0)
            between = "SELECT since_at::DATE, missing_usage FROM ops.reconciliation_credits ORDER BY since_at"
            assert connection.execute(between).fetchall()[0] == (FIRST + timedelta(days=30), 0)
            coverage = "SELECT min(usage_coverage), max(usage_coverage) FROM ops.reconciliation"
            assert connection.execute(coverage).fetchall() == [(1, 1)]
        assert text_of(whole, "table", 200).splitlines()[0] == whole.lines[0]


def test_the_command_tells_the_verdict_and_by_its_exit_code_whether_it_is_enough(orusage, simulate, tmp_path):
    key = {"OPENROUTER_MANAGEMENT_KEY": f"{KEY}-management"}
    assert orusage("reconcile", **key).code == 66
    with simulate("--traffic", "20", "--unlogged", "0.5") as simulation:
        days = [datetime.now(UTC).date() - timedelta(days=n) for n in (1, 2, 3)]
        for day in days:
            log = simulation.base_url.replace("/api/v1", f"/simulator/log?date={day}")
            with urlopen(log) as told, (tmp_path / "app.log").open("ab") as file:
                file.write(told.read())
        api = ("--base-url", simulation.base_url)
        assert orusage("ingest", "app.log", *api).code == 0
        refused = orusage("reconcile", *api, OPENROUTER_MANAGEMENT_KEY=KEY)
        assert refused.code == 77
        assert_three_lines(refused.err)
        assert "management-keys" in refused.err
        below = orusage("reconcile", *api, "--min-coverage", "0.99", "--format", "json", **key)
        assert below.code == 3
        assert "generations were never logged" in below.err
        named = sum(row["missing_requests"] for row in below.json)
        assert f"{named} generations were never logged" in below.err
        enough = orusage("reconcile", *api, "--by", "day", "--since", days[-1].isoformat(), **key)
        assert (enough.code, enough.err) == (0, "")
        assert " explained" in enough.out.splitlines()[0]
    rows = orusage("query", "SELECT sum(missing_requests) AS n FROM ops.reconciliation", "--format", "json").json
    assert rows == [{"n": named}]
