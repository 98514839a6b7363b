"""The fetch stage: work items in, outcomes out.

In: IDs that are due, as `WorkItem` values. Out: one outcome for each (`Settled`, `Pending` or `Dead`), in the order in
which they are reached; what stops every request ends the run through its `RunCancellation`.

Begin with `ingest.fetch.fetcher`, the stage, and `ingest.fetch.answer_policy`, the table from HTTP status to verdict.
What follows from each verdict is in `ingest.fetch.metadata_steps` and `ingest.fetch.content_steps`.
"""
