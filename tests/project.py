"""A copy of the repository to run the real pipeline in, with tiny networks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]

STEPS = 40  # of train_face; a checkpoint every fourth
TINY: dict[str, Any] = {
    "device": "cpu",
    "demo": {"seconds": 6.0, "size": 160},
    "video": {"size": 64},
    "split": {"test_fraction": 0.3},
    "prior": {
        "latent_channels": 4,
        "unet": {"channels": [16, 16], "context_dim": 8, "train": {"steps": 4, "batch_size": 4}},
    },
    "landmarks": {"dim": 8, "heads": 2, "layers": 1, "train": {"steps": 10, "batch_size": 8}},
    "face": {"train": {"steps": STEPS, "batch_size": 4, "checkpoint_every": 4}},
    "decoder": {"width": 8, "references": 2, "train": {"steps": 4, "batch_size": 4}},
    "sampling": {"steps": 2},
    "syncnet": {"train": {"steps": 4, "batch_size": 4}},
}


def merge(base: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping):
            merge(base[key], value)
        else:
            base[key] = value


class Project:
    """A copy of the repository under a git and a DVC of its own, without data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "OMP_NUM_THREADS": "1",
        }
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            wanted = name.split("/")[0] in (".dvc", "data", "demo_speaker", "difftalker", "stages") or "/" not in name
            if wanted and (ROOT / name).is_file() and not name.endswith(".lock"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        self.set_params({})
        for name in ("data/results", "data/plots"):  # committed metrics and plots of the full run
            shutil.rmtree(root / name, ignore_errors=True)
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)

    def set_params(self, changes: Mapping[str, Any]) -> None:
        """Write params.yaml: the demo preset, made tiny, with further changes."""
        params = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
        merge(params, TINY)
        merge(params, changes)
        (self.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """`dvc repro` in a session of its own, so that a signal reaches it and its stage as Ctrl-C would."""
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro", *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def repro(self, *arguments: str) -> str:
        process = self.start(*arguments)
        output, _ = process.communicate()
        assert process.returncode == 0, output[-4000:]
        return output

    def peak(self, stage: str) -> int:
        """Peak memory of a stage's last run in bytes, as it recorded it."""
        return int(json.loads((self.root / f"data/timings/{stage}.json").read_text())["peak_bytes"])

    def outs(self) -> dict[str, str]:
        """MD5 of every output, as DVC recorded it."""
        stages = yaml.safe_load((self.root / "dvc.lock").read_text())["stages"]
        return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}

    def hash_of(self, stage: str, path: str) -> str:
        outs = yaml.safe_load((self.root / "dvc.lock").read_text())["stages"][stage]["outs"]
        return next(out["md5"] for out in outs if out["path"] == path)
