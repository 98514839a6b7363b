"""The command line: parses options, calls the packages below, prints results and sets the exit code.

In: arguments, ``ORUSAGE_*`` environment variables, signals. Out: results on standard output, everything else on
standard error, and an exit code of `ingest.core.errors.Exit`.

Begin with `main` (the process: streams, interrupts, errors to exit codes), then `app` (the command group and the table
of commands), then any module in `commands`.
"""
