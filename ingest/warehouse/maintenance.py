"""Maintenance of a warehouse: publish what a run left, migrate, compact, revive IDs, erase, add billing answers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ingest.warehouse.storage.connection import no_warehouse, storage_errors
from ingest.warehouse.storage.published_file import without_writers
from ingest.warehouse.storage.workspace import Workspace
from ingest.warehouse.warehouse import Warehouse

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ingest.core.name_records import Names
    from ingest.warehouse.billing import BillingAnswers
    from ingest.warehouse.erasure import Erased
    from ingest.warehouse.rates import RatesFile
    from ingest.warehouse.storage.lock import LockWait


def publish(path: Path, now: datetime, lock_wait: LockWait) -> bool:
    """Publish what a run committed and could not publish.

    Returns:
        Whether there was anything to publish.

    Raises:
        NoInputError: there is no warehouse.
        OrusageError: as `Warehouse`.
    """
    with _open(path, now, "publish", lock_wait) as warehouse:
        return warehouse.publish()


def migrate(path: Path, now: datetime, lock_wait: LockWait) -> list[str]:
    """Bring the schema up to date; returns the migrations that were applied. Raises as `publish`."""
    with _open(path, now, "migrate", lock_wait) as warehouse:
        return warehouse.migrated


def compact(path: Path, now: datetime, lock_wait: LockWait) -> tuple[int, int]:
    """Write the file anew, without the space that deleted rows take; returns its bytes before and after.

    Raises as `publish`.
    """
    with _open(path, now, "compact", lock_wait) as warehouse:
        before = path.stat().st_size if path.exists() else 0
        warehouse.compact()
    return before, path.stat().st_size


def revive(
    path: Path, reason: str | None, since: datetime, now: datetime, lock_wait: LockWait
) -> dict[str | None, int]:
    """Make dead and resting IDs due for the next run.

    Args:
        path: The file.
        reason: Only IDs with this reason; None: all.
        since: Only IDs whose own second is not earlier; legacy IDs count as 1970.
        now: The wall clock, UTC.
        lock_wait: How long to wait for another run.

    Returns:
        How many, by reason.

    Raises:
        NoInputError: there is no warehouse.
        OrusageError: as `Warehouse`.
    """
    with _open(path, now, "retry", lock_wait) as warehouse:
        return warehouse.revive(reason, since, now)


def set_rates(path: Path, file: RatesFile, now: datetime, lock_wait: LockWait) -> bool:
    """Store the rates of a file in place of all others; returns whether they differ from those.

    Raises as `publish`, and as `Warehouse.replace_rates`.
    """
    with _open(path, now, "rates", lock_wait) as warehouse:
        return warehouse.replace_rates(file)


def forget(path: Path, before: datetime | None, user: str | None, now: datetime, lock_wait: LockWait) -> Erased:
    """Erase what is older than `before`, or a user's generations, and write the file anew without them.

    Raises as `publish`.
    """
    with _open(path, now, "forget", lock_wait) as warehouse:
        erased = warehouse.forget(before, user, now)
        warehouse.compact()
    return erased


def count_forgettable(
    path: Path, before: datetime | None, user: str | None, now: datetime, lock_wait: LockWait
) -> Erased:
    """What `forget` would erase, also of what is not published yet. Nothing is changed. Raises as `publish`."""
    with closing(_open(path, now, "forget", lock_wait)) as warehouse:
        return warehouse.count_forgettable(before, user)


def require_warehouse(path: Path) -> None:
    """Check that there is a warehouse, or a work copy that will become one.

    Raises:
        NoInputError: there is none.
    """
    if not Workspace(path).holds_anything:
        raise no_warehouse(path)


def add_billing(
    path: Path, answers: BillingAnswers, names: Names, now: datetime, lock_wait: LockWait, account: str | None = None
) -> None:
    """Store what OpenRouter's billing endpoints told, and publish it. Raises as `publish`."""
    with _open(path, now, "reconcile", lock_wait) as warehouse:
        warehouse.add_billing(answers, now, account)
        warehouse.add_names(names, now, account)


def _open(path: Path, now: datetime, purpose: str, lock_wait: LockWait) -> Warehouse:
    require_warehouse(path)
    with storage_errors(path), without_writers(path.resolve(), lock_wait):
        pass  # nothing can be published while another program has the file open for writing
    return Warehouse(path, now, f"warehouse {purpose}", bounded=False, lock_wait=lock_wait)
