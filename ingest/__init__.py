"""orusage: exactly what your OpenRouter traffic cost and how fast it was.

The packages are the stages, in the order a datum walks through them::

    sources → pipeline → fetch → client → warehouse → reports, export

Imports go downward only; ``pyproject.toml`` has the contract and a linter proves it. ``docs/architecture.md`` has the
tree. The names of the OpenRouter client are importable from here, ``from ingest import OpenRouter``, and are listed in
`ingest.client.public`; they are loaded when first used, because the command line does not need them all.
"""

from __future__ import annotations

from ingest.core.version import __version__ as __version__

TYPE_CHECKING = False  # `orusage --help` does not wait for the import of typing
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ingest.client.public import *  # noqa: F403  # what __getattr__ finds


def __dir__() -> list[str]:
    return sorted([*(name for name in vars(_public()) if name[0] != "_"), "__version__"])


def __getattr__(name: str) -> Any:
    """Load a public name of the client on first use; ``__all__`` is all of them."""
    if name == "__all__":
        return __dir__()
    public = {} if name.startswith("_") else vars(_public())
    if name not in public:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return public[name]


def _public() -> ModuleType:
    from importlib import import_module  # noqa: PLC0415  # as for typing

    return import_module("ingest.client.public")
