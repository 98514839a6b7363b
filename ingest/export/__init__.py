"""Export: views and tables of the warehouse as Parquet, CSV, ndjson or Excel files for other tools.

In: a warehouse, names of relations, and options (`ingest.export.plan.ExportOptions`). Out: a directory of files and a
``manifest.json`` that lists them with row counts, exact sums in USD and checksums. The files of an export replace those
of the previous one together: after a crash the directory holds whole files only, and the next export completes it.

Begin reading at `ingest.export.export.export`. It plans each relation (``plan``), writes the files into a staging
directory (``excel``, or DuckDB's COPY), and commits them (``delivery``, with ``ownership`` and ``journal``).
"""
