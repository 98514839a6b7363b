"""Which IDs a key sees, where the simulator's IDs belong to several accounts."""

from __future__ import annotations

import re

from ingest.simulator.draws import number

_SHARE_IN_KEY = re.compile(r"account-([0-9]+)-of-([0-9]+)")


def sees(authorization: str, seed: int, generation_id: str) -> bool:
    """Whether a key sees an ID.

    One that contains ``account-2-of-3`` is a key of the second of three accounts, of which each has a share of all IDs,
    and sees those only. Any other key sees all IDs.
    """
    share = _SHARE_IN_KEY.search(authorization)
    return share is None or owner(seed, generation_id, int(share[2])) == int(share[1])


def owner(seed: int, generation_id: str, accounts: int) -> int:
    """The number of the account that an ID belongs to, from 1."""
    return number(seed, generation_id, "account") % max(accounts, 1) + 1
