"""Reports: the warehouse's figures for a period, as tables for people and as rows for programs.

In: an open warehouse (`ingest.warehouse.reader.Reader`), the name of a report, a period in a time zone, a dimension and
a limit. Out: a `ingest.reports.report.Report` with rows and total, and from it text in one of five formats.

Begin reading at `ingest.reports.definitions.REPORTS`, the list of reports; their queries are in ``sql/reports``.
`ingest.reports.report.report` runs one for a period (``period``), and `ingest.reports.summary_view.printed` renders it
as text (``terminal_table``, ``formats``). Other commands render their results with ``formats``, too.
"""
