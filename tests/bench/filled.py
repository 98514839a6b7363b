"""A big warehouse for the benches: real tables and views, rows that look like traffic."""

import duckdb

from ingest.warehouse.rollups import refresh
from ingest.warehouse.warehouse import Warehouse

FILLED = {
    "VARCHAR": "substr(md5(CAST(i // 50 AS VARCHAR)), 1, 12)",
    "BIGINT": "CAST(hash(i) % 10000 AS BIGINT)",
    "DOUBLE": "CAST(hash(i) % 10000 AS DOUBLE)",
    "BOOLEAN": "i % 3 = 0",
    "TIMESTAMP": "TIMESTAMP '2025-01-01' + INTERVAL (i) SECOND",
    "DATE": "CAST(TIMESTAMP '2025-01-01' + INTERVAL (i) SECOND AS DATE)",
    "DECIMAL(18,12)": "CAST(hash(i) % 1000000 AS DECIMAL(18,12)) / 1000000",
}
AN_ID = "'gen-' || (1735689600 + i) || '-' || substr(md5(CAST(i AS VARCHAR)), 1, 20)"
MODEL = "'author-' || (hash(i) % 31 % 8) || '/model-' || (hash(i) % 31)"
PROVIDER = "'Provider ' || (hash(i) % 31 % 8 + 8 * (hash(i + 7) % 3))"
SPREAD = "exp(5 + 1.5 * (CAST(hash({}) % 1000 AS DOUBLE) / 1000 + CAST(hash({}) % 1000 AS DOUBLE) / 1000))"
TRAFFIC = {
    "generation_id": AN_ID,
    "id": AN_ID,
    "model": MODEL,
    "provider_name": PROVIDER,
    "api_type": "'completions'",
    "finish_reason": "CASE WHEN hash(i + 1) % 50 = 0 THEN 'error' ELSE 'stop' END",
    "cancelled": "hash(i + 2) % 40 = 0",
    "response_cache_source_id": "CASE WHEN hash(i + 3) % 100 = 0 THEN 'gen-1735689600-AbCdEfGhIj0123456789' END",
    "web_search_engine": "CASE WHEN hash(i + 4) % 100 = 0 THEN 'exa' END",
    "num_search_results": "0",
    "num_fetches": "0",
    "streamed": "i % 3 > 0",
    "latency": SPREAD.format("i + 10", "i + 11"),
    "generation_time": f"{SPREAD.format('i + 10', 'i + 11')} * (1 + CAST(hash(i + 12) % 100 AS DOUBLE) / 10)",
    "app_id": "CAST(hash(i // 7) % 10 AS BIGINT)",
    "workspace_id": "'workspace-' || (hash(i // 5) % 4)",
    "extra": "NULL",
    "all_attempts_failed": "hash(i + 5) % 200 = 0",
    "booked_under": "NULL",
    "api_key_hash": "CASE WHEN i % 3 > 0 THEN md5(CAST(hash(i // 5) % 40 AS VARCHAR)) END",
    "api_key_label": "CASE WHEN i % 3 > 0 THEN 'key-' || (hash(i // 5) % 30) END",
}
ATTEMPT = {"generation_id": AN_ID, "provider_name": PROVIDER, "attempt": "1", "status": "200", "extra": "NULL"}


def fill(path, rows, now):
    """A warehouse of so many generations, one a second from 2025 on, and as many attempts, with its rollups."""
    with Warehouse(path, now):
        pass
    with duckdb.connect(path, config={"storage_compatibility_version": "v1.4.0"}) as connection:
        for table, special in (("generations", TRAFFIC), ("provider_attempts", ATTEMPT)):
            columns = connection.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $t", {"t": table}
            ).fetchall()
            chosen = ", ".join(f"{special.get(name) or FILLED[kind]} AS {name}" for name, kind in columns)
            for first in range(0, rows, 1_000_000):
                last = min(first + 1_000_000, rows)
                connection.execute(f"INSERT INTO {table} BY NAME SELECT {chosen} FROM range({first}, {last}) AS r(i)")
        connection.execute(f"UPDATE ops.last_commit SET known_ids = {rows}")
        refresh(connection, None)
