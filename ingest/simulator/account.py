"""The account of the simulated OpenRouter: its workspaces, its members, and its keys with the traps of real ones.

Two keys of one name in a workspace, and in different workspaces; keys that are disabled, expired, deleted or unused;
a key whose creator left; and more keys than a page holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

from ingest.simulator.draws import number, unit_interval


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace: its UUID, and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the organisation."""

    id: str
    first_name: str
    last_name: str
    email: str
    role: str

    @property
    def name(self) -> str:
        """The name that Analytics shows."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the account.

    Attributes:
        number: Its numeric ID, which answers of `/generation` tell now and then.
        name: Its name; several keys may have the same.
        workspace: The workspace that it belongs to.
        creator: ID of the member who made it, who may have left.
        share: How much of its workspace's traffic it makes, relative to the other keys.
        state: `active`, `disabled`, `expired`, or `deleted`: no list has it any more.
    """

    number: int
    name: str
    workspace: Workspace
    creator: str
    share: float = 0.0
    state: str = "active"

    def hash(self, seed: int) -> str:
        """The 64 hexadecimal digits by which the API names it."""
        return "".join(f"{number(seed, str(self.number), f'key hash {part}'):016x}" for part in range(4))

    def label(self, seed: int) -> str:
        """The masked key, as `/keys` shows it."""
        digits = self.hash(seed)
        return f"sk-or-v1-{digits[8:11]}...{digits[-3:]}"


DEFAULT = Workspace("0f1d2c3b-4a59-4687-9c0d-112233445566", "Default")
BATCH = Workspace("550e8400-e29b-41d4-a716-446655440000", "Batch jobs")
"""The workspace that records name; those without one belong to `DEFAULT`."""
RESEARCH = Workspace("7c9e6679-7425-40de-944b-e07fc1f90ae7", "Research")
WORKSPACES = (DEFAULT, BATCH, RESEARCH)

MEMBERS = (
    Member("user_2ada", "Ada", "Example", "ada@example.com", "org:admin"),
    Member("user_2bob", "Bob", "Example", "bob@example.com", "org:member"),
)
_ADA, _BOB, _WHO_LEFT = "user_2ada", "user_2bob", "user_2gone"

CUSTOMER_KEYS = 120
"""Unused keys, one per customer, so that the keys do not fit one page."""

KEYS = (
    Key(101, "production", DEFAULT, _ADA, 5),
    Key(102, "batch", DEFAULT, _BOB, 3),
    Key(103, "notebook", DEFAULT, _WHO_LEFT, 1, "disabled"),
    Key(104, "trial", DEFAULT, _ADA, 1, "expired"),
    Key(105, "prototype", DEFAULT, _BOB, 1, "deleted"),
    Key(201, "batch", BATCH, _BOB, 4),
    Key(202, "evaluation", BATCH, _ADA, 2),
    Key(203, "evaluation", BATCH, _BOB, 2),
    Key(301, "unused", RESEARCH, _ADA),
    *(Key(1000 + n, f"customer-{n:03d}", DEFAULT, _ADA) for n in range(CUSTOMER_KEYS)),
)

_IN_USE = {w.id: [k for k in KEYS if k.workspace is w and k.share] for w in WORKSPACES}


def workspace_of(record: Mapping[str, object]) -> Workspace:
    """The workspace of a record; OpenRouter counts those without one as the default workspace's."""
    return BATCH if record.get("workspace_id") == BATCH.id else DEFAULT


def key_of(seed: int, generation_id: str, workspace: Workspace) -> Key:
    """The key that made a request: by the shares of its workspace's keys, and the same for the same seed and ID."""
    keys = _IN_USE[workspace.id]
    at = unit_interval(number(seed, generation_id, "key")) * sum(k.share for k in keys)
    for key in keys:
        at -= key.share
        if at < 0:
            return key
    return keys[-1]


def member(user_id: str) -> Member | None:
    """The member with this ID; None if they left."""
    return next((m for m in MEMBERS if m.id == user_id), None)
