"""What the views cost at ten million generations, beside a scan of one column, in turn.

    python tests/bench/bench_views.py [ROWS]     # 10,000,000 unless told: some minutes, 3 GB of disk

Prints medians and ratios; the goals are those of the design. Percentiles are computed from the facts and have no goal.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import duckdb

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from filled import fill

ROUNDS = 15
SCAN = "SELECT sum(usage) FROM generations"
QUERIES = {
    "daily cost": ("FROM cost_daily", 4.0),
    "cost by model": ("FROM cost_by_model", 4.0),
    "latency percentiles by provider": ("FROM latency_by_provider", None),
    "last 7 days, by day from the view": ("SELECT * FROM cost_daily WHERE requested_day > DATE '{newest}' - 7", 2.0),
    "last 7 days, one sum over the facts": (
        "SELECT sum(total_usage) FROM generation_facts WHERE requested_at >= TIMESTAMP '{newest}' - INTERVAL 7 DAY",
        2.0,
    ),
    "latency percentiles by model": ("FROM latency_by_model", None),
    "daily cost without the rollup": (
        "SELECT requested_day, sum(total_usage) FROM generation_facts GROUP BY requested_day",
        None,
    ),
    "p50 of ttft by provider without the rollup": (
        "SELECT provider_name, median(ttft_ms) FROM generation_facts WHERE is_measured GROUP BY provider_name",
        None,
    ),
    "cost by user": ("SELECT count(*), sum(total_usage) FROM cost_by_user", None),
    "forecast": ("FROM cost_forecast", None),
    "anomalies": ("FROM cost_anomalies", None),
    "effective prices": ("FROM effective_prices", None),
    "FOCUS": ("SELECT count(*), sum(BilledCost), sum(length(Tags)) FROM focus_cost_and_usage", None),
    "check_rollups_agree": ("FROM check_rollups_agree", None),
}


def seconds(connection, statement):
    began = time.perf_counter()
    connection.execute(statement).fetchall()
    return time.perf_counter() - began


def compare(connection, statement):
    """Seconds of the scan and of a statement, taken in turn; medians."""
    seconds(connection, statement)
    pairs = [(seconds(connection, SCAN), seconds(connection, statement)) for _ in range(ROUNDS)]
    return [median(times) for times in zip(*pairs, strict=True)]


def totals(connection):
    """What the facts and the rollup say was spent."""
    queries = ("SELECT sum(total_usage) FROM generation_facts", "SELECT sum(total_usage) FROM cost_daily")
    return [connection.execute(query).fetchall()[0][0] for query in queries]


def main(rows):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "filled.duckdb"
        fill(path, rows, datetime.now(UTC))
        with duckdb.connect(path, read_only=True) as connection:
            sizes = connection.execute(
                "SELECT (SELECT count(*) FROM ops.cost_rollup), (SELECT max(requested_at) FROM generations)"
            ).fetchall()
            [(cells, newest)] = sizes
            print(
                f"{rows:,} generations, {path.stat().st_size / 1e6:,.0f} MB, a rollup of {cells:,} rows; "
                f"DuckDB {duckdb.__version__}"
            )
            for name, (statement, goal) in QUERIES.items():
                scan, took = compare(connection, statement.format(newest=newest))
                wanted = f" (goal {goal})" if goal else ""
                print(f"{name}: {took * 1e3:.1f} ms, scan {scan * 1e3:.1f} ms: {took / scan:.2f}x{wanted}")
            facts, rollup = totals(connection)
            print(f"sums of facts and rollup: {facts} and {rollup}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
