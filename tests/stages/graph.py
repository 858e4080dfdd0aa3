"""The stages of `dvc.yaml` and the code that each depends on, compared with what it imports."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.stages.imports import PACKAGES, stage_code

ROOT = Path(__file__).parents[2]
GRAPHS = (Path("dvc.yaml"), Path("data/raw/dvc.yaml"))

# What most stages use and none is about: settings, errors, files and their formats, processes, devices. No stage has to
# depend on these, so that a change here costs no training. A release runs all stages again, whatever changed.
SHARED = (
    "difftalker/compute",
    "difftalker/config",
    "difftalker/dataset",
    "difftalker/errors.py",
    "difftalker/face/topology.py",
    "difftalker/files.py",
    "difftalker/intervals.py",
    "difftalker/media",
    "difftalker/model_folder.py",
    "difftalker/tables.py",
    "difftalker/weights",
    "stages/check_ahead.py",
    "stages/runner.py",
    "stages/scratch.py",
)


def read_stages(graph: Path, root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """The stages of a graph by name, as they are written: matrices and templates not filled in."""
    return yaml.safe_load((root / graph).read_text(encoding="utf-8"))["stages"]


def compare(graph: Path, root: Path = ROOT) -> list[str]:
    """One line for all code that a stage uses without depending on it, and for every dependency without a use."""
    lines = []
    for name, stage in read_stages(graph, root).items():
        listed, needed = listed_code(stage), stage_code(module_of(stage), root)
        own = {path for path in needed if not within(path, SHARED) or within(path, listed)}
        if not needed:
            lines.append(f"{graph}: {name} runs {module_of(stage)}, which does not exist")
        for path in sorted(path for path in own if not within(path, listed)):
            lines.append(f"{graph}: {name} uses {path}; add its folder to deps")
        for entry in listed:
            others = [other for other in listed if other != entry]
            if within(entry, others) or not any(within(path, [entry]) for path in own):
                lines.append(f"{graph}: {name} does not need {entry}; take it out of deps")
    return lines


def module_of(stage: dict[str, Any]) -> str:
    """The dotted name after `-m` in a stage's command."""
    words = stage["cmd"].split()
    return words[words.index("-m") + 1]


def listed_code(stage: dict[str, Any]) -> list[str]:
    """A stage's dependencies that are folders or files of the packages."""
    return [path for path in stage["deps"] if path.split("/")[0] in PACKAGES]


def within(path: str, entries: Iterable[str]) -> bool:
    """Whether a path is one of some files and folders, or lies in one."""
    return any(path == entry or path.startswith(f"{entry}/") for entry in entries)
