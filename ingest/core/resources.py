"""Paths of the files that are not Python: ``sql/`` and the demo's samples.

A wheel contains them inside the package. An editable install and a checkout have them at the repository root.
"""

from pathlib import Path

_INGEST = Path(__file__).parents[1]
_PACKAGE = _INGEST / "_resources"
_CHECKOUT = _INGEST.parent

ROOT = _PACKAGE if _PACKAGE.is_dir() else _CHECKOUT
SQL = ROOT / "sql"
SAMPLES = ROOT / "data" / "samples"
