"""orusage: what your OpenRouter traffic cost, and how fast it was.

The packages are the stages of a run, in the order in which data passes through them::

    sources → pipeline → fetch → client → warehouse → reports, export

Imports go downward only; the contract is in ``pyproject.toml`` and a linter checks it. ``docs/architecture.md`` has the
tree of packages.

The names of the OpenRouter client can be imported from here, as in ``from ingest import OpenRouter``. They are listed
in `ingest.client.public`, which is loaded at the first use of a name, because most commands need no client.
"""

from __future__ import annotations

from ingest.core.version import __version__ as __version__

TYPE_CHECKING = False  # type checkers take it as true; importing typing would delay `orusage --help`
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ingest.client.public import *  # noqa: F403  # type checkers see the names that __getattr__ finds


def __dir__() -> list[str]:
    return sorted([*(name for name in vars(_public()) if name[0] != "_"), "__version__"])


def __getattr__(name: str) -> Any:
    """Load a public name of the client. ``__all__`` is the list of them all."""
    if name == "__all__":
        return __dir__()
    public = {} if name.startswith("_") else vars(_public())
    if name not in public:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return public[name]


def _public() -> ModuleType:
    from importlib import import_module  # noqa: PLC0415  # loaded at the first use only

    return import_module("ingest.client.public")
