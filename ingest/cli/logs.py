"""The log on standard error, as text or as lines of JSON."""

from __future__ import annotations

import json
import logging
import sys
from typing import TextIO

from ingest.cli.output import lead_nowhere
from ingest.core.masking import mask_secrets

log = logging.getLogger("orusage")


def set_up_logging(level: str, log_format: str) -> None:
    """Send the log to standard error.

    Args:
        level: ``warning``, ``info`` or ``debug``.
        log_format: ``text`` or ``json``.
    """
    handler = StandardErrorHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(level.upper())


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level and message, then the fields of ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of this record."""
        own = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(own | getattr(record, "fields", {}) | own)  # own keys come first and are never replaced


class StandardErrorHandler(logging.StreamHandler[TextIO]):
    """Writes to the `sys.stderr` of that moment: the progress bar replaces it, so that lines appear above the bar."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of this record, without any key."""
        return mask_secrets(super().format(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.setStream(sys.stderr)
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's own name
        """Give up standard error if it cannot be written, as on a full disk: the command goes on."""
        if isinstance(sys.exc_info()[1], OSError):
            lead_nowhere(sys.stderr)
        else:
            super().handleError(record)
