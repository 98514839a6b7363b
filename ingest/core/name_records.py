"""What OpenRouter tells of an account's API keys, workspaces and people, as values. What was not told is None."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ListedWorkspace:
    """A workspace.

    Attributes:
        workspace_id: Its UUID; None for the only one of an account that has no list of workspaces.
        name: Name for people.
        slug: Name in URLs.
        has_all_keys: Whether the list of its keys came whole.
        extra: JSON object of all other fields; None if there is none.
    """

    workspace_id: str | None
    name: str | None
    slug: str | None
    has_all_keys: bool
    extra: str | None


@dataclass(frozen=True, slots=True)
class ListedKey:
    """An API key; never the key itself.

    Attributes:
        api_key_hash: The hash by which the API names it.
        name: Name for people; several keys may have the same.
        label: The masked key.
        workspace_id: Workspace that it belongs to.
        creator_user_id: Who made it.
        external_user: The end user that it was made for.
        created_at: When it was made, UTC.
        expires_at: From when on it is refused, UTC; None also if it does not expire.
        last_used_at: When it was last used, UTC; None also if it never was.
        disabled: Whether it is refused.
        usage: Charged to credits in its lifetime, in USD.
        byok_usage: Charged by providers in its lifetime, estimated, in USD.
        extra: JSON object of every field that no other attribute holds exactly; None if there is none.
    """

    api_key_hash: str
    name: str | None
    label: str | None
    workspace_id: str | None
    creator_user_id: str | None
    external_user: str | None
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None
    disabled: bool | None
    usage: Decimal | None
    byok_usage: Decimal | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the organisation.

    Attributes:
        user_id: ID, which keys name as their creator.
        name: First and last name.
        email: Email address.
        role: Role in the organisation.
        extra: JSON object of all other fields; None if there is none.
    """

    user_id: str
    name: str | None
    email: str | None
    role: str | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """What one run was told; None for a list that did not come.

    Attributes:
        workspaces: The workspaces.
        keys: The keys of all workspaces that answered; of the default one, if the workspaces did not come whole.
        people: The members of the organisation; none for an account without one.
        problems: What did not come whole, in words.
        is_partial: Whether that concerns keys or workspaces, and may be told on another day.
    """

    workspaces: tuple[ListedWorkspace, ...] | None
    keys: tuple[ListedKey, ...] | None
    people: tuple[Person, ...] | None
    problems: tuple[str, ...] = ()
    is_partial: bool = False

    @property
    def keys_are_whole(self) -> bool:
        """Whether these are all keys there are."""
        return bool(self.workspaces) and all(w.has_all_keys for w in self.workspaces or ())
