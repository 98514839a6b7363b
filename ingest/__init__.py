"""orusage: exactly what your OpenRouter traffic cost and how fast it was.

The stages are the modules, in the order a datum walks through them::

    scan → (ledger) → fetch: limiter → client → decode → normalize → warehouse → views → render

Imports go downward only; the layers are listed in ``pyproject.toml`` and a linter proves them.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
