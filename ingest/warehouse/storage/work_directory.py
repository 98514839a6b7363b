"""The names inside ``<warehouse>.work/``, the private directory (mode 0700) beside a warehouse in which a run works.

==========================  ============================================================================================
``lock``                    locked while a run works here
``work-<identity>.duckdb``  the work copy; the identity is that of the published file it was copied from
``copy.duckdb``             a work copy that is being made
``next.duckdb``             the clone that is being published
``packed.duckdb``           the same, written anew
``publishing``              the identity of the clone, written before the rename; tells whether the rename was done
``quarantine-…``            files that could not be used; kept
==========================  ============================================================================================
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.core.errors import CannotCreateError
from ingest.warehouse.storage.durable_files import foreign, make_private, sync
from ingest.warehouse.storage.published_file import wal_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNFINISHED = ("copy.duckdb", "next.duckdb", "packed.duckdb")
"""Files that are worth nothing once the run that wrote them has ended."""


_USED = re.compile(r"lock|publishing|((copy|next|packed|work-.*)\.duckdb(\.wal|\.tmp)?)")
"""Names that a run writes to. Quarantined files are only ever created, and may belong to whoever left them."""


@dataclass(frozen=True, slots=True)
class WorkDirectory:
    """The work directory of a warehouse.

    Attributes:
        published: The file that people query, links resolved.
    """

    published: Path

    @property
    def path(self) -> Path:
        """The directory itself."""
        return self.published.with_name(f"{self.published.name}.work")

    @property
    def exists(self) -> bool:
        """Whether a run ever worked here."""
        return os.path.lexists(self.path)

    @property
    def lock_file(self) -> Path:
        """The file that is locked while a run works here."""
        return self.path / "lock"

    @property
    def publish_marker(self) -> Path:
        """The file that holds the identity of the clone about to be published."""
        return self.path / "publishing"

    @property
    def work_copies(self) -> list[Path]:
        """The work copies: at most one, of the current run or of one that did not end."""
        return sorted(self.path.glob("work-*.duckdb"))

    @property
    def quarantined(self) -> list[Path]:
        """The files that were kept because they could not be used."""
        return sorted(self.path.glob("quarantine-*"))

    def prepare(self) -> None:
        """Create the directory with mode 0700 unless it exists, and check that nobody else has put files into it.

        Raises:
            CannotCreateError: it is not a directory of this user, or a file in it is a link, has a second name, or
                belongs to somebody else: writing to it could change a file elsewhere.
            StorageError: the disk is full or failing.
        """
        make_private(self.path)
        for entry in self.path.iterdir():
            if _USED.fullmatch(entry.name):
                with suppress(FileNotFoundError):  # a run that works here has removed it
                    _refuse_foreign(entry)

    def work_copy_of(self, identity: str) -> Path:
        """The name of the work copy of a published file with this identity."""
        return self.path / f"work-{identity}.duckdb"

    def remove(self, database: Path) -> None:
        """Remove a database. Its log is removed last: a file without its log would be an older state."""
        database.unlink(missing_ok=True)
        if wal_of(database).exists():
            sync(self.path)
            wal_of(database).unlink()
        shutil.rmtree(database.with_name(f"{database.name}.tmp"), ignore_errors=True)

    @contextmanager
    def removed_on_failure(self, unfinished: Path) -> Iterator[None]:
        """Remove a database before the block, and after it if the block fails, so that it does not fill the disk."""
        self.remove(unfinished)
        try:
            yield
        except BaseException:
            with suppress(OSError):
                self.remove(unfinished)
            raise

    def remove_leftovers(self) -> None:
        """Remove unfinished copies, logs without their file, and spilled rows."""
        for name in UNFINISHED:
            self.remove(self.path / name)
        for wal in self.path.glob("work-*.duckdb.wal"):
            if not wal.with_suffix("").exists():
                wal.unlink()
        for spilled in self.path.glob("*.tmp"):
            shutil.rmtree(spilled, ignore_errors=True)


def _refuse_foreign(path: Path) -> None:
    status = path.lstat()
    is_spilled = stat.S_ISDIR(status.st_mode) and path.suffix == ".tmp" and status.st_uid == os.geteuid()
    if not is_spilled and (reason := foreign(status)):
        raise CannotCreateError(
            f"{path} is not used", cause=f"{reason}, so no run has made it", fix="find out who did, then remove it"
        )
