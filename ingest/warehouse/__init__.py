"""The DuckDB warehouse: ledger, facts, views, and the file that readers query.

In: sightings and outcomes (`ingest.core.sightings`, `ingest.core.outcomes`).
Out: due work items, and rows of named queries and views.

Begin with `warehouse.Warehouse`, which a run uses. It reads the published file until something is stored, then opens a
`write_session.WriteSession` over a private work copy (`storage`). `ledger` says what becomes of an ID, `frames` and
`staging` bring values into DuckDB, `reader` serves every read-only command. All SQL is in ``sql/``, loaded by
`sql_files`.
"""
