"""``orusage simulate``: a simulated OpenRouter on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ingest.cli.options import DURATION
from ingest.core.errors import CannotCreateError, ConfigurationError, Exit
from ingest.simulator.models import ALL_MODELS

if TYPE_CHECKING:
    from datetime import timedelta

SHARE = click.FloatRange(0, 1)
LISTS = ("/keys", "/workspaces", "/organization/members")
PATHS = (*LISTS, "/activity", "/analytics/meta", "/analytics/query", "/credits", "/models")
"""Paths of the billing API below the API's URL."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 picks a free port.")
@click.option("--latency", type=DURATION, default="0s", show_default=True, help="Delay before each answer.")
@click.option("--rate-limit", type=click.FloatRange(0.01), help="Requests per second accepted.  [default: no limit]")
@click.option(
    "--burst", type=click.FloatRange(1), default=50, show_default=True, help="Requests accepted at once after a pause."
)
@click.option("--p429", type=SHARE, default=0, help="Share of requests answered 429, regardless of the limit.")
@click.option("--p529", type=SHARE, default=0, help="Share answered 529.")
@click.option("--p500", type=SHARE, default=0, help="Share answered 500, 502 or 524.")
@click.option("--p404", type=SHARE, default=0, help="Share of IDs that never exist.")
@click.option(
    "--not-found-for", type=DURATION, default="0s", show_default=True, help="Age below which an ID is answered 404."
)
@click.option("--malformed", type=SHARE, default=0, help="Share answered with something other than a generation.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed gives other records and faults.")
@click.option(
    "--traffic", type=click.IntRange(0), default=0, help="Generations a day that the account makes by itself."
)
@click.option("--unlogged", type=SHARE, default=0, help="Share of this traffic that no log names.")
@click.option(
    "--row-limit", type=click.IntRange(1), default=10_000, show_default=True, help="Rows of Analytics at most."
)
@click.option(
    "--down",
    type=click.Choice(PATHS),
    multiple=True,
    metavar="PATH",
    help="Path that answers 503, such as /activity; repeatable.",
)
@click.option(
    "--endless",
    type=click.Choice(LISTS),
    multiple=True,
    metavar="PATH",
    help="List that never ends, such as /keys; repeatable.",
)
@click.option(
    "--left-out",
    type=click.Choice([model.slug for model in ALL_MODELS]),
    multiple=True,
    metavar="MODEL",
    help="Model that /activity leaves out; repeatable.",
)
def simulate(port: int, latency: timedelta, not_found_for: timedelta, **faults: Any) -> int:
    """Serve a simulated OpenRouter on 127.0.0.1, until Ctrl-C.

    Any key of the form sk-or-... is accepted; one that contains `invalid` is answered 401, `broke` 402, `forbidden`
    403, `inference` 403 for content only, and `status-NNN` that status. One that contains `management` may ask the
    billing API: Analytics, activity, credits, keys, workspaces and members. It counts what was served, and the traffic
    of the last 60 days.
    GET /simulator/served returns what was served, and GET /simulator/log?date=YYYY-MM-DD the log of a day's traffic.
    """
    require_simulator()
    from ingest.simulator.faults import Faults
    from ingest.simulator.server import Simulator, serve

    settings = Faults(latency=latency.total_seconds(), not_found_for=not_found_for.total_seconds(), **faults)
    try:
        serve(Simulator(settings), port, ready=lambda url: click.echo(f"listening on {url}"))
    except OSError as error:
        raise CannotCreateError(
            f"port {port} cannot be used", cause=str(error.strerror), fix="name another with --port; 0 picks a free one"
        ) from None
    return Exit.DONE


def require_simulator() -> None:
    """Check that the extra ``demo`` is installed.

    Raises:
        ConfigurationError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("uvicorn") is None:
        raise ConfigurationError(
            "the simulator is not installed",
            cause="it needs the extra `demo`",
            fix='pip install "orusage[demo]"',
        )
