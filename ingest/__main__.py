"""``python -m ingest`` and the installed ``orusage`` are the same command."""

import sys

from ingest.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
