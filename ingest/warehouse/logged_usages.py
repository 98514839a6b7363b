"""Stores what a further line tells that known IDs cost: many logs name an ID before they tell its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ingest.warehouse.ledger_frames import usage_rows
from ingest.warehouse.staging import fetch_each_era, for_each_era

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.core.logged_usage import LoggedUsage
    from ingest.warehouse.write_session import WriteSession


def add(session: WriteSession, usages: Mapping[str, LoggedUsage]) -> None:
    """Store the costs of known IDs of which no line told the cost yet, in one transaction.

    Args:
        session: Where they are stored.
        usages: The costs by ID.
    """
    if not usages:
        return
    found = fetch_each_era(session.connection, usage_rows(usages), "ledger/find_unlogged")
    if not found:
        return
    with session.transaction():
        for is_settled, query in ((False, "ledger/add_logged_usage"), (True, "facts/add_logged_usage")):
            some = {i: usages[i] for i, settled, _ in found if settled == is_settled}
            if some:
                for_each_era(session.connection, usage_rows(some), query)
        session.mark_changed(pl.Series([day for *_, day in found], dtype=pl.Date))
