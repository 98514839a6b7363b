"""Each module of the package has a test file of its name, in the folder of its package."""

from pathlib import Path

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "ingest"
PROVEN_ELSEWHERE = {
    "__main__": "end_to_end/test_ingest",  # the command itself
    "cli/commands/demo": "end_to_end/test_demo",
    "cli/commands/doctor": "warehouse/test_doctor",
    "cli/commands/export": "end_to_end/test_export",
    "cli/commands/extract": "cli/test_app",
    "cli/commands/get": "fetch/test_lookup",
    "cli/commands/ingest": "end_to_end/test_ingest",
    "cli/commands/query": "cli/test_app",
    "cli/commands/report": "reports/test_report",
    "cli/commands/retry": "end_to_end/test_retry",
    "cli/commands/simulate": "simulator/test_server",
    "cli/commands/status": "end_to_end/test_ingest",
    "cli/commands/views": "cli/test_app",
    "cli/commands/warehouse": "warehouse/test_maintenance",
    "cli/demo": "end_to_end/test_demo",
    "cli/help": "cli/test_app",
    "cli/logs": "cli/test_progress_display",
    "cli/main": "cli/test_app",
    "cli/progress_bar": "cli/test_progress_display",  # the bar is what is displayed
    "client/backoff": "client/test_retry",
    "client/body_reader": "client/test_response_body",
    "client/certificate_issuer": "client/test_connection_problems",
    "client/deadlines": "client/test_async_client",
    "client/field_decoder": "client/test_decode",
    "client/json_values": "client/test_decode",
    "client/loop_state": "client/test_async_client",
    "client/loop_thread": "client/test_sync_client",
    "client/result": "client/test_async_client",  # two records that every call returns
    "client/strict_decoder": "client/test_decode",
    "client/threaded_transport": "client/test_sync_client",
    "client/transport_errors": "client/test_transport",
    "client/validation": "client/test_request",
    "core/base_url": "core/test_settings",
    "core/clock": "pipeline/test_run",  # SystemClock is injected there, a fake one elsewhere
    "core/meaning": "export/test_manifest",
    "core/outcomes": "warehouse/test_warehouse",  # records without methods
    "core/record": "core/test_api_records",
    "core/remembered_rate": "pipeline/test_run",
    "core/resources": "warehouse/test_sql_files",
    "core/sightings": "sources/test_scanner",
    "core/suggestions": "cli/test_app",
    "core/version": "cli/test_app",
    "export/excel": "export/test_export",  # one of the formats
    "export/journal": "export/test_delivery",
    "export/ownership": "export/test_delivery",
    "export/partition_names": "export/test_export",
    "export/plan": "export/test_export",
    "export/sql_text": "export/test_export",
    "fetch/ask": "fetch/test_fetcher",
    "fetch/content_steps": "fetch/test_fetcher_content",
    "fetch/dead_letters": "fetch/test_fetcher",
    "fetch/metadata_steps": "fetch/test_fetcher",
    "fetch/ratelimit/in_flight": "fetch/ratelimit/test_controller",
    "fetch/ratelimit/probe_pacing": "fetch/ratelimit/test_controller",
    "fetch/ratelimit/rate_tracker": "fetch/ratelimit/test_controller",
    "fetch/request_loop": "fetch/test_fetcher",
    "fetch/run_guards": "fetch/test_fetcher",
    "fetch/steps": "fetch/test_fetcher",
    "fetch/stop_errors": "fetch/test_fetcher",
    "pipeline/context": "pipeline/test_run",
    "pipeline/fetch_stage": "pipeline/test_run",
    "pipeline/progress_text": "cli/test_progress_display",
    "pipeline/scan_stage": "pipeline/test_run",
    "core/logged_usage": "sources/test_logged_usage",
    "reports/loaded": "golden/test_golden_reports",
    "reports/definitions": "golden/test_golden_reports",  # each report against plain Python
    "reports/summary_view": "reports/test_report",
    "reports/terminal_table": "reports/test_report",
    "simulator/faults": "simulator/test_server",
    "simulator/models": "simulator/test_fake_records",
    "simulator/replies": "simulator/test_server",
    "simulator/spend": "simulator/test_fake_records",
    "sources/json_documents": "sources/test_call_site",
    "sources/json_fields": "sources/test_call_site",
    "sources/line_records": "sources/test_call_site",
    "sources/logfmt": "sources/test_call_site",
    "sources/pretty_json": "sources/test_line_index",
    "sources/read_problems": "sources/test_discovery",
    "sources/readers": "sources/test_open_file",
    "sources/resume": "sources/test_checkpoints",
    "sources/source_scan": "sources/test_scanner",
    "warehouse/erasure": "warehouse/test_maintenance",
    "warehouse/facts": "warehouse/test_warehouse",
    "warehouse/interruptible": "warehouse/test_user_query",  # Ctrl-C during a query
    "warehouse/ledger": "warehouse/test_warehouse",
    "warehouse/ledger_frames": "warehouse/test_warehouse",
    "warehouse/ledger_snapshot": "pipeline/test_dry_run",
    "warehouse/newest_state": "end_to_end/test_forgotten_shell",
    "warehouse/query_errors": "warehouse/test_user_query",
    "warehouse/run_log": "warehouse/test_warehouse",
    "warehouse/staging": "warehouse/test_warehouse",
    "warehouse/storage/publication": "warehouse/storage/test_workspace",
    "warehouse/storage/work_copy": "warehouse/storage/test_workspace",
    "warehouse/times": "warehouse/test_warehouse",
    "warehouse/write_session": "warehouse/test_warehouse",
}


def has_tests(name):
    return (TESTS / f"{name}.py").is_file()


def test_each_module_has_a_test_file_of_its_name_or_is_proven_by_a_named_one():
    paths = [p.relative_to(PACKAGE).with_suffix("") for p in PACKAGE.rglob("*.py") if p.name != "__init__.py"]
    without = {p.as_posix() for p in paths if not has_tests(p.with_name(f"test_{p.name}"))}
    assert without == set(PROVEN_ELSEWHERE)
    assert [name for name in PROVEN_ELSEWHERE.values() if not has_tests(name)] == []
