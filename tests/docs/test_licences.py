"""Every package that is installed with this one has a licence that is known."""

from __future__ import annotations

import importlib.util
from pathlib import Path

SPEC = importlib.util.spec_from_file_location("licences", Path(__file__).parents[2] / "docs/licences.py")
assert SPEC is not None and SPEC.loader is not None
licences = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(licences)

# Used as programs of their own, or under another licence that they offer: docs/dependencies.md.
COPYLEFT = {"asyncssh", "dulwich", "espeakng-loader", "grandalf", "pygit2"}


def test_every_licence_is_known() -> None:
    packages = licences.requirements("difftalker")
    assert {"torch", "dvc", "prefect", "diffusers", "numpy", "dulwich"} <= set(packages)
    found = {name: licences.licence(package) for name, package in packages.items()}
    assert all(found.values()), [name for name, text in found.items() if not text]
    assert {name for name, text in found.items() if "GPL" in text} == COPYLEFT
