"""DuckDB files on disk: opening, locking, copying, and replacing the published file atomically.

In: a path, and what is to be written. Out: a file that always opens, whatever is killed when.

Begin with `workspace.Workspace`: the locked work directory beside a warehouse, its work copy, and how that copy is
published. ``docs/durability.md`` has the measurements behind it.
"""
