"""The software's version, the same in an installed package and in a checkout."""

from __future__ import annotations

VERSION = "0.1.0"
