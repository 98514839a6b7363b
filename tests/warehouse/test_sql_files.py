import re

from ingest.core.resources import SAMPLES, SQL
from ingest.warehouse import sql_files


def test_migrations_are_numbered_without_a_gap():
    assert [m.number for m in sql_files.migrations()] == list(range(1, len(sql_files.migrations()) + 1))
    assert all(sql_files.MIGRATION_NAME.fullmatch(m.name) for m in sql_files.migrations())


def test_every_view_file_is_loaded():
    assert len(sql_files.views()) == len(list((SQL / "views").rglob("*.sql")))


def test_every_query_says_what_it_is_and_is_used():
    code = "".join(p.read_text(encoding="utf-8") for p in (SQL.parent / "ingest").rglob("*.py")) or None
    queries = [p for p in SQL.glob("*/*.sql") if p.parent.name not in {"migrations", "views"}]
    assert queries
    for path in queries:
        assert path.read_text(encoding="utf-8").startswith("-- "), path
        assert code is None or f'"{path.parent.name}/{path.stem}"' in code, path


def test_a_query_for_the_same_seconds_has_a_legacy_variant():
    inserts = ("facts/insert_generations", "facts/insert_provider_attempts", "facts/insert_generation_contents")
    for name in ("ledger/find_new", *inserts, "ledger/delete_settled_work", "ledger/update_work"):
        assert sql_files.SAME_SECONDS in sql_files.query(name)
        assert not re.search(r"\$(low|high)", sql_files.legacy_query(name))


def test_a_view_selects_only_from_the_layers_below():
    known = {"main.generations", "main.provider_attempts", "main.generation_contents"}
    known |= {"ops.work", "ops.sources", "ops.runs", "ops.last_commit", "ops.activity"}
    known |= {"ops.cost_rollup", "ops.latency_rollup"}
    for group in sql_files.VIEW_GROUPS:
        here = [v for v in sql_files.views() if v.group == group]
        for view in here:
            used = set(re.findall(r"(?:FROM|JOIN) ((?:main|ops)\.\w+)", view.text))
            assert used <= known, view.name
        known |= {v.relation for v in here}


def test_the_samples_are_there():
    assert (SAMPLES / "app" / "app.jsonl").is_file()
