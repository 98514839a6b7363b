"""``orusage --help`` without click: importing click takes three times as long as starting Python."""

import os
import sys

WIDTH = 80
"""Columns of the terminal for which `HELP` is formatted; click formats for at most as many."""

HELP = """\
Usage: orusage [OPTIONS] COMMAND [ARGS]...

  Know exactly what your OpenRouter traffic cost and how fast it was.

  Reads generation IDs from your logs, fetches the metadata of each, and
  stores it in a DuckDB file with views for cost and latency. Try `orusage
  demo`: it needs no key and no network.

Options:
  --config PATH             The configuration.  [default: ./orusage.toml, if
                            it exists]
  -w, --warehouse PATH      The DuckDB file.  [default: ./orusage.duckdb]
  -q, --quiet               Only results, warnings and errors.
  -v, --verbose             Debug messages too on standard error.
  --log-format [text|json]  [default: text]
  --debug                   Show the traceback of an error before its three
                            lines.
  --version                 Show the version and exit.
  -h, --help                Show this message and exit.

Commands:
  config     Show the settings in force, or write a file with all of them.
  demo       Try orusage on sample logs and a simulated OpenRouter.
  discover   Find the generations that no log holds, and add their IDs to the
             ledger.
  doctor     Check the installation and the warehouse; change nothing.
  export     Write views or tables as files, with a manifest.
  extract    Print the generation IDs found in SOURCES.
  get        Fetch IDs from OpenRouter and print the answers.
  ingest     Read generation IDs from SOURCES and fetch their metadata.
  query      Run one read-only SQL statement over the warehouse.
  reconcile  Compare what was ingested with what OpenRouter billed.
  report     Print a report: cost, latency, errors and more.
  retry      Revive dead and resting IDs: the next run asks for them.
  simulate   Serve a simulated OpenRouter on 127.0.0.1, until Ctrl-C.
  status     Show how complete and how fresh the warehouse is.
  views      List the views and tables, or the columns of NAMES.
  warehouse  Maintain the DuckDB file.

  These options may also follow the command.
"""
"""What click prints for ``orusage --help``, as a test proves. After a change copy it from ``orusage -q --help``."""


def print_help() -> bool:
    """Print `HELP`; returns False if click has to do it: for a narrow terminal, or an output that fails."""
    if not sys.stdout or not _has_standard_width():
        return False
    try:
        sys.stdout.write(HELP)
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _has_standard_width() -> bool:
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size().columns) >= WIDTH
    except ValueError:
        return False
    except OSError:  # standard output is not a terminal
        return True
