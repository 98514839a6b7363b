"""orusage: what your OpenRouter traffic cost, and how fast it was.

The packages are the stages of a run, in the order in which data passes through them::

    sources → pipeline → fetch → client → warehouse → reports, export

Imports go downward only; the contract is in ``pyproject.toml`` and a linter checks it. ``docs/architecture.md`` has the
tree of packages.

The names of the OpenRouter client can be imported from here, as in ``from ingest import OpenRouter``. They are listed
in `ingest.client.public`, which is loaded at the first use of a name, because most commands need no client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ingest.core.version import __version__ as __version__

if TYPE_CHECKING:
    from ingest.client.public import *  # noqa: F403  # type checkers see the names that __getattr__ finds


def __dir__() -> list[str]:
    """The public names, sorted; also the value of ``__all__``."""
    return sorted([*(name for name in vars(import_module("ingest.client.public")) if name[0] != "_"), "__version__"])


def __getattr__(name: str) -> Any:
    """Load a public name of the client."""
    if name == "__all__":
        return __dir__()
    public = {} if name.startswith("_") else vars(import_module("ingest.client.public"))
    if name not in public:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return public[name]
