"""Asks OpenRouter for the names behind IDs: the API keys of all workspaces, the workspaces, and the people."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ingest.client import keys, members, workspaces
from ingest.client.management_errors import AFTER_PATIENCE, NotThereError
from ingest.client.pages import Listed
from ingest.core.errors import OrusageError
from ingest.core.name_records import ListedWorkspace, Names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ingest.client.management import ManagementClient
    from ingest.core.name_records import ListedKey, Person


async def collect_names(client: ManagementClient) -> Names:
    """The keys, workspaces and people of an account. What does not come is named, and nothing is raised for it.

    Args:
        client: The client of the management API, entered.
    """
    return await _Collection(client).names()


class _Collection:
    """Asks for one list after the other, and notes what did not come whole.

    Args:
        client: The client of the management API, entered.
    """

    def __init__(self, client: ManagementClient) -> None:
        self._client = client
        self._problems: list[str] = []
        self._is_down = False
        self._is_over = False

    async def names(self) -> Names:
        listed = await self._listed("workspaces", partial(workspaces.list_workspaces, self._client))
        known, found = await self._keys(listed)
        is_partial = bool(self._problems)
        people = await self._people()
        return Names(known, found, people, tuple(self._problems), is_partial)

    async def _keys(
        self, listed: Listed | None
    ) -> tuple[tuple[ListedWorkspace, ...] | None, tuple[ListedKey, ...] | None]:
        """The workspaces with their keys; without a whole list of workspaces, the keys of the default one."""
        if listed is None or listed.problem or not listed.rows:
            of_default, is_whole = await self._keys_of(None)
            is_only_one = listed is not None and not listed.rows and not listed.problem
            only = ListedWorkspace(None, None, None, has_all_keys=is_whole, extra=None)
            return (only,) if is_only_one and of_default is not None else None, of_default
        known: list[ListedWorkspace] = []
        found: dict[str, ListedKey] = {}
        is_any_told = False
        for row in listed.rows:
            told, is_whole = await self._keys_of(row["id"]) if not self._is_over else (None, False)
            known.append(workspaces.read_workspace(row, has_all_keys=is_whole))
            found |= {key.api_key_hash: key for key in told or ()}
            is_any_told |= told is not None
        return tuple(known), tuple(found.values()) if is_any_told else None

    async def _keys_of(self, workspace_id: str | None) -> tuple[tuple[ListedKey, ...] | None, bool]:
        """The keys of a workspace, None if they did not come; and whether these are all."""
        before = len(self._problems)
        what = f"keys of workspace {workspace_id}" if workspace_id else "keys"
        listed = await self._listed(what, partial(keys.list_keys, self._client, workspace_id))
        if listed is None:
            return None, False
        self._is_over = listed.problem is not None  # a list without an end costs many requests, and so would the next
        return tuple(keys.read_key(row, workspace_id) for row in listed.rows), len(self._problems) == before

    async def _people(self) -> tuple[Person, ...] | None:
        listed = await self._listed("members", partial(members.list_members, self._client))
        return None if listed is None else tuple(members.read_member(row) for row in listed.rows)

    async def _listed(self, what: str, ask: Callable[[], Awaitable[Listed]]) -> Listed | None:
        """A list, with its problem noted; None if it did not come. One that the account does not have is empty."""
        if self._is_down:
            return None
        try:
            listed = await ask()
        except NotThereError:
            return Listed([], 0, None)
        except OrusageError as error:
            self._is_down = isinstance(error, AFTER_PATIENCE)
            self._problems.append(f"{what}: {error.what} ({error.cause})")
            return None
        if listed.problem:
            self._problems.append(f"{what}: {listed.problem}")
        if listed.ignored:
            self._problems.append(f"{what}: {listed.ignored:,} entries of another form, left out")
        return listed
