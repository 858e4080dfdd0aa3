"""`dvc repro` where nothing changed, in a project with the outputs of 10,000 frames."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import yaml

from benchmarks.bench import Scale, Timing

TITLE = "`dvc repro`, nothing changed, 10,000 frames"
PEER = ""
UNIT = "s"
GOAL = "<= 2 s"

_FRAMES = {"tiny": 10, "quick": 10_000, "full": 10_000, "gpu": 10_000}
_TEXTS = {".json": b'{"value": 1}\n', ".csv": b"step,loss\n0,1\n"}  # which DVC reads
_FRAME_BYTES = 25_000  # of a crop of 128 pixels as PNG


def missing(work: Path) -> str | None:
    return None


def prepare(work: Path, scale: Scale) -> None:
    """A clone of this project whose outputs are there: random bytes, committed as what its stages made."""
    project = work / "project"
    subprocess.run(["git", "clone", "--quiet", ".", str(project)], check=True)
    generator = np.random.default_rng(0)
    for path in _outputs(project):
        size = _FRAMES[scale] * _FRAME_BYTES if path.parent.name == "frames" else 100_000
        inner = path if path.suffix else path / "data.bin"
        inner.parent.mkdir(parents=True, exist_ok=True)
        inner.write_bytes(_TEXTS[inner.suffix] if inner.suffix in _TEXTS else generator.bytes(size))
    _dvc(project, "commit", "--force", "--quiet")
    _dvc(project, "repro")


def ours(work: Path, scale: Scale) -> Timing:
    started = time.perf_counter()
    printed = _dvc(work / "project", "repro")
    seconds = time.perf_counter() - started
    assert "Running stage" not in printed, printed
    return Timing(seconds, 1)


def _outputs(project: Path) -> list[Path]:
    """All outputs of both files of stages."""
    found = []
    recordings = yaml.safe_load((project / "params.yaml").read_text())["recordings"]
    for folder in (project, project / "data/raw"):
        stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
        for stage in stages.values():
            for kind in ("outs", "plots", "metrics"):
                for entry in stage.get(kind, []):
                    text = entry if isinstance(entry, str) else next(iter(entry))
                    names = recordings if "${item.rec}" in text else [""]
                    place = folder / stage.get("wdir", ".")
                    found += [place / text.replace("${item.rec}", name) for name in names]
    return found


def _dvc(project: Path, *words: str) -> str:
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    command = [str(Path(sys.executable).parent / "dvc"), *words]
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
