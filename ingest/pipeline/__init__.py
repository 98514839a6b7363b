"""The ingest run: one pass from sources to a published warehouse.

In: sources and a `context.RunContext`. Out: a `run.RunResult`; the counts are in the context's `RunStats`.

Begin with `run.ingest`. Its stages are `scan_stage` (sources into the ledger), `fetch_stage` (due IDs to OpenRouter)
and `store_stage` (outcomes into the warehouse); `dry_run` does the first without storing.
"""
