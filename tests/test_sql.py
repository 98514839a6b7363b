import re

from ingest import sql
from ingest.resources import SAMPLES, SQL


def test_migrations_are_numbered_without_a_gap():
    assert [m.number for m in sql.migrations()] == list(range(1, len(sql.migrations()) + 1))
    assert all(sql.MIGRATION_NAME.fullmatch(m.name) for m in sql.migrations())


def test_every_view_file_is_loaded():
    assert len(sql.views()) == len(list((SQL / "views").rglob("*.sql")))


def test_every_query_says_what_it_is_and_is_used():
    code = "".join(p.read_text(encoding="utf-8") for p in (SQL.parent / "ingest").glob("*.py")) or None
    for path in (SQL / "queries").glob("*.sql"):
        assert path.read_text(encoding="utf-8").startswith("-- "), path.name
        assert code is None or f'"{path.stem}"' in code, path.name


def test_a_query_for_the_same_seconds_has_a_legacy_variant():
    inserts = ("insert_generations", "insert_provider_attempts", "insert_generation_contents")
    for name in ("find_new", *inserts, "delete_settled_work", "update_work"):
        assert sql.SAME_SECONDS in sql.query(name)
        assert not re.search(r"\$(low|high)", sql.legacy_query(name))


def test_a_view_selects_only_from_the_layers_below():
    known = {"main.generations", "main.provider_attempts", "main.generation_contents"}
    known |= {"ops.work", "ops.sources", "ops.runs", "ops.last_commit", "ops.activity"}
    known |= {"ops.cost_rollup", "ops.latency_rollup"}
    for group in sql.VIEW_GROUPS:
        here = [v for v in sql.views() if v.group == group]
        for view in here:
            used = set(re.findall(r"(?:FROM|JOIN) ((?:main|ops)\.\w+)", view.text))
            assert used <= known, view.name
        known |= {v.relation for v in here}


def test_the_samples_are_there():
    assert (SAMPLES / "app" / "app.jsonl").is_file()
