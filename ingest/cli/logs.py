"""The log on standard error, as text or as lines of JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime
from typing import Any, TextIO

from ingest.cli.output import lead_nowhere
from ingest.core.masking import mask_secrets

log = logging.getLogger("orusage")

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%z"


def set_up_logging(level: str, log_format: str) -> None:
    """Send the log to standard error, as last set up.

    Args:
        level: ``warning``, ``info`` or ``debug``.
        log_format: ``text`` or ``json``.
    """
    handler = StandardErrorHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter("%(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(level.upper())


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level and message, then the fields of ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of this record."""
        own = {
            "time": self.formatTime(record, TIME_FORMAT),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json_line(own, getattr(record, "fields", {}))


def error_line(message: str, fields: dict[str, Any]) -> str:
    """An error that ends the command, as a line of the JSON log."""
    own = {"time": datetime.now().astimezone().strftime(TIME_FORMAT), "level": "error", "message": message}
    return json_line(own, fields)


def json_line(own: dict[str, str], fields: dict[str, Any]) -> str:
    """The JSON object of both; own keys come first and are never replaced."""
    return json.dumps(own | fields | own)


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
