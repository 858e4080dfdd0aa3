"""Licences of all packages that are installed with this one: `make licences`."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

# Where a package's own metadata names no licence: what its repository says.
STATED = {"espeakng-loader": "MIT; the library eSpeak NG that it brings: GPL-3.0-or-later"}


def requirements(name: str, seen: dict[str, Distribution] | None = None) -> dict[str, Distribution]:
    """All installed packages that a package needs, and what they need, by normal name."""
    found = {} if seen is None else seen
    normal = re.sub(r"[-_.]+", "-", name).lower()
    if normal in found:
        return found
    try:
        found[normal] = distribution(name)
    except PackageNotFoundError:
        return found  # of another platform, or of an extra that is not installed
    for line in found[normal].requires or []:
        needed, _, marker = line.partition(";")
        if "extra ==" not in marker:
            requirements(re.split(r"[^\w.-]", needed.strip(), maxsplit=1)[0], found)
    return found


def licence(package: Distribution) -> str:
    """As its metadata says, in one line; empty if it says nothing."""
    words = package.metadata
    stated = words.get("License-Expression") or ""
    classified = [
        entry.rpartition("::")[2].strip() for entry in words.get_all("Classifier") or [] if "License ::" in entry
    ]
    text = (words.get("License") or "").strip()
    short = text if text and "\n" not in text and len(text) < 80 else ""
    return stated or short or ", ".join(classified) or STATED.get(str(words["Name"]).lower(), "")


def main() -> None:
    for name, package in sorted(requirements("difftalker").items()):
        print(f"{name:32} {package.version:16} {licence(package) or 'unknown'}")


if __name__ == "__main__":
    main()
