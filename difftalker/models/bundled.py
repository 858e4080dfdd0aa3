"""The prior that ships with the package, and the landmark branch trained with it (docs/bundled-prior.md)."""

from __future__ import annotations

from pathlib import Path

BUNDLED = Path(__file__).parent.parent / "bundled"
BUNDLED_FACE = BUNDLED / "face"
