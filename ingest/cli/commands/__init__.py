"""One module for each command of ``orusage``; module, command and click object have the same name.

In: the command's own options, parsed, and `ingest.cli.global_options.GlobalOptions`. Out: printed results and the exit
code.

Each command is parse, call, render. Its imports stand inside the function, so that ``orusage COMMAND --help`` loads
click only. Begin with `status`, the shortest; `ingest` is the one that fetches.
"""
