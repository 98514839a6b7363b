"""Entry point of the ``orusage`` command and of ``python -m ingest``."""

import sys

from ingest.cli.help import print_help


def main() -> int:
    """Print the help, or run the command line; returns the exit code."""
    if sys.argv[1:] in (["-h"], ["--help"]) and print_help():
        return 0
    from ingest.cli.main import main as run  # noqa: PLC0415  # it imports click, which the help does not need

    return run()


if __name__ == "__main__":
    sys.exit(main())
