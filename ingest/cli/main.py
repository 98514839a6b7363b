"""The process: standard streams, Ctrl-C, and the one place that maps errors to exit codes."""

from __future__ import annotations

import os
import sys

import click

from ingest.cli.app import orusage
from ingest.cli.global_options import GlobalOptions, log_format_of
from ingest.cli.output import print_error
from ingest.cli.signals import recorded_interrupts
from ingest.core.errors import (
    Exit,
    LibraryFailedError,
    OrusageError,
    StorageError,
    UsageError,
    is_failure_of_library,
)
from ingest.core.masking import mask_secrets


def main() -> int:
    """Run the command line; returns the exit code."""
    os.umask(0o077)  # the warehouse and exports may hold prompts: only their owner may read them
    _repair_streams()
    options = GlobalOptions()
    with recorded_interrupts() as interrupts:
        try:
            return int(orusage.main(prog_name="orusage", standalone_mode=False, obj=options) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            return Exit.INTERRUPTED
        except BaseException as error:  # every error ends as three lines and an exit code
            if not isinstance(error, Exception) and not is_failure_of_library(error):
                raise
            return _report(error, options, interrupted=bool(interrupts))


def _report(error: BaseException, options: GlobalOptions, *, interrupted: bool) -> int:
    """Print an error; returns the exit code. An error that Ctrl-C ended in is not the user's business."""
    traceback = _traceback() if options.debug else ""
    if interrupted:
        click.echo(traceback, nl=False, err=True)
        return Exit.INTERRUPTED
    # what a usage error kept click from reading
    log_format = log_format_of(sys.argv[1:]) if isinstance(error, click.UsageError) else options.log_format
    return print_error(_to_our_error(error), log_format, traceback)


def _repair_streams() -> None:
    """Replace streams that were closed before the start, and escape what an output's encoding cannot represent."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115  # --help spares pathlib; open until the end
        elif mode == "w":
            stream.reconfigure(errors="backslashreplace")


def _traceback() -> str:
    import traceback

    return mask_secrets(traceback.format_exc())


def _to_our_error(error: BaseException) -> OrusageError:
    if isinstance(error, OrusageError):
        return error
    if is_failure_of_library(error):
        return LibraryFailedError(error)
    if isinstance(error, click.UsageError):
        return _to_usage_error(error)
    if isinstance(error, OSError):
        return StorageError(
            "reading or writing failed",
            cause=f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}",
            fix="check the disk and the file, then run it again",
        )
    return OrusageError(
        "something unexpected went wrong",
        cause=f"{type(error).__name__}: {error}",
        fix="run the same command with --debug and report what it prints; what was committed is safe",
    )


def _to_usage_error(error: click.UsageError) -> UsageError:
    command = error.ctx.command_path if error.ctx else "orusage"
    cause = " ".join(error.format_message().split()).removesuffix(".")
    return UsageError(f"`{command}` cannot be called like this", cause=cause, fix=f"see `{command} -h`")
