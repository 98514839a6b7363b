"""``orusage get``: fetch IDs and print the answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from ingest.cli.options import api_options
from ingest.core.errors import Exit

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from ingest.cli.global_options import GlobalOptions

LONGEST_PROBLEM = 500
"""Characters of an error message that are printed."""

log = logging.getLogger("orusage")


@click.command()
@click.argument("generation_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--content", is_flag=True, help="Prompt and completion too.")
@api_options
@click.pass_obj
def get(
    options: GlobalOptions,
    /,
    generation_ids: tuple[str, ...],
    content: bool,
    timeout: timedelta,
    base_url: str | None,
    api_key_file: Path | None,
    api_key_command: str | None,
) -> int:
    """Fetch IDs from OpenRouter and print the answers.

    One ID is printed as indented JSON, several as one line of JSON each. Nothing is stored. The key is found as by
    `orusage ingest`.

    \b
      orusage get gen-1753485462-AbCdEfGhIj0123456789 --content
    """
    import msgspec

    from ingest.cli.accounts import accounts_of
    from ingest.cli.output import print_result
    from ingest.core.base_url import BASE_URL, check_base_url
    from ingest.core.masking import mask_secrets
    from ingest.fetch.lookup import look_up

    url = check_base_url(base_url or BASE_URL)
    accounts = accounts_of(options.configuration, api_key_file, api_key_command, url)
    indent = 2 if len(generation_ids) == 1 else -1
    code = Exit.DONE
    for found in look_up(generation_ids, accounts, timeout=timeout.total_seconds(), content=content):
        if found.record and not print_result(msgspec.json.format(found.record, indent=indent).decode() + "\n"):
            break
        if found.problem:
            code = Exit.PARTIAL
            problem = ascii(mask_secrets(found.problem.message)[:LONGEST_PROBLEM])[1:-1]
            log.warning("%s: %s", found.generation_id, problem)
    return code
