"""Each module of the package has a test file of its name, in the folder of its package."""

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "ingest"
PROVEN_ELSEWHERE = {
    "__main__": "end_to_end/test_ingest",  # the command itself
    "cli/demo": "end_to_end/test_demo",
    "cli/progress_bar": "cli/test_progress_display",  # the bar is what is displayed
    "client/result": "client/test_async_client",  # two records that every call returns
    "core/base_url": "core/test_settings",
    "core/clock": "pipeline/test_run",  # SystemClock is injected there, a fake one elsewhere
    "core/outcomes": "warehouse/test_warehouse",  # records without methods
    "core/remembered_rate": "pipeline/test_run",
    "core/resources": "warehouse/test_sql_files",
    "core/sightings": "sources/test_scanner",
    "core/suggestions": "cli/test_app",
    "core/version": "cli/test_app",
    "export/excel": "export/test_export",  # one of the formats
    "export/plan": "export/test_export",
    "fetch/dead_letters": "fetch/test_fetcher",
    "fetch/stop_errors": "fetch/test_fetcher",
    "pipeline/context": "pipeline/test_run",
    "pipeline/fetch_stage": "pipeline/test_run",
    "pipeline/progress_text": "cli/test_progress_display",
    "reports/definitions": "golden/test_golden_reports",  # each report against plain Python
    "reports/period": "reports/test_report",
    "reports/summary_view": "reports/test_report",
    "reports/terminal_table": "reports/test_report",
    "warehouse/erasure": "warehouse/test_maintenance",
    "warehouse/interruptible": "warehouse/test_user_query",  # Ctrl-C during a query
    "warehouse/migrations": "warehouse/test_warehouse",
    "warehouse/query_errors": "warehouse/test_user_query",
    "warehouse/rollups": "sql/test_cost_properties",
    "warehouse/staging": "warehouse/test_warehouse",
    "warehouse/storage/connection": "warehouse/storage/test_workspace",
}


def has_tests(name):
    return (TESTS / f"{name}.py").is_file()


def test_each_module_has_a_test_file_of_its_name_or_is_proven_by_a_named_one():
    paths = [p.relative_to(PACKAGE).with_suffix("") for p in PACKAGE.rglob("*.py") if p.name != "__init__.py"]
    without = {p.as_posix() for p in paths if not has_tests(p.with_name(f"test_{p.name}"))}
    assert without == set(PROVEN_ELSEWHERE)
    assert [name for name in PROVEN_ELSEWHERE.values() if not has_tests(name)] == []
