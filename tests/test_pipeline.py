"""The real `dvc repro`, end to end, on a few seconds of the demo speaker with tiny networks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]

STEPS = 40  # of train_face; a checkpoint every fourth
TINY: dict[str, Any] = {
    "device": "cpu",
    "demo": {"seconds": 6.0, "size": 160},
    "video": {"size": 64},
    "detector": {"jitter": 1, "upscale": 2.0},
    "split": {"test_fraction": 0.3},
    "prior": {
        "source": "train",
        "start": "scratch",
        "latent_channels": 4,
        "unet": {"channels": [16, 16], "context_dim": 8, "train": {"steps": 4, "batch_size": 4}},
    },
    "landmarks": {"dim": 8, "heads": 2, "layers": 1, "train": {"steps": 10, "batch_size": 8}},
    "face": {"start": "prior", "train": {"steps": STEPS, "batch_size": 4, "checkpoint_every": 4}},
    "sampling": {"steps": 2},
    "syncnet": {"train": {"steps": 4, "batch_size": 4}},
}
METRICS = (
    "landmark_distance",
    "ld",
    "ld_mouth",
    "psnr",
    "ssim",
    "lse_d",
    "lse_c",
    "jitter_ratio",
    "sharpness_ratio",
)


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
            wanted = name.split("/")[0] in (".dvc", "data", "difftalker", "stages") or "/" not in name
            if wanted and (ROOT / name).is_file() and not name.endswith(".lock"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        params = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
        merge(params, TINY)
        (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        for name in ("data/results", "data/plots"):  # committed metrics and plots of the full run
            shutil.rmtree(root / name, ignore_errors=True)
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)

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

    def hash_of(self, stage: str, path: str) -> str:
        outs = yaml.safe_load((self.root / "dvc.lock").read_text())["stages"][stage]["outs"]
        return next(out["md5"] for out in outs if out["path"] == path)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """After the first `dvc repro`."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.repro()
    return project


def test_results_are_there(project: Project) -> None:
    metrics = json.loads((project.root / "data/results/metrics.json").read_text())
    assert not [name for name in METRICS if not isinstance(metrics.get(name), float)]
    assert len(metrics["reference"]) == 4
    assert list((project.root / "data/results/synthesis").rglob("*.mp4"))
    page = (project.root / "data/results/report.html").read_text()
    assert "<video" in page and not re.search(r'(src|href)="(?!data:|#)', page), "the page needs no other file"
    assert not list((project.root / "data/scratch").rglob("*.pt")), "checkpoints are removed on success"


def test_memory_is_recorded(project: Project) -> None:
    timings = {path.stem: json.loads(path.read_text()) for path in (project.root / "data/timings").glob("*.json")}
    assert {"extract_frames@demo", "train_face", "synthesise", "report"} <= timings.keys()
    assert all(timing["peak_bytes"] < 4 * 2**30 for timing in timings.values())


def test_second_run_does_nothing(project: Project) -> None:
    started = time.perf_counter()
    output = project.repro()
    seconds = time.perf_counter() - started
    assert "Data and pipelines are up to date." in output
    assert seconds < 15  # 3 s on a machine that does nothing else


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_training_goes_on(project: Project, how: signal.Signals) -> None:
    """Ctrl-C and a power cut, then the same command: the weights of a training that was not interrupted."""
    expected = project.hash_of("train_face", "data/models/face")
    scratch = project.root / "data/scratch/train_face"
    process = project.start("--single-item", "--force", "train_face")
    try:
        while not list(scratch.glob("*/*.pt")) and process.poll() is None:
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, how)
        output, _ = process.communicate()
    assert process.returncode != 0, output
    assert list(scratch.glob("*/*.pt")), "the checkpoint stays"
    assert "Traceback" not in output

    output = project.repro("--single-item", "--force", "train_face")
    done = [int(step) for step in re.findall(rf"step (\d+)/{STEPS}", output)]
    assert min(done) > 4, "the training began again"
    assert project.hash_of("train_face", "data/models/face") == expected


def test_wrong_params_stop_a_stage_in_one_line(project: Project) -> None:
    path = project.root / "params.yaml"
    text = path.read_text()
    try:
        path.write_text(text.replace("mouth_weight", "mouth_wait"))
        process = project.start("--single-item", "train_face")
        output, _ = process.communicate()
        assert process.returncode != 0 and "Traceback" not in output
        path.write_text(text.replace("fps: 25.0", "fps: -1.0"))
        process = project.start("--single-item", "--force", "extract_frames@demo")
        output, _ = process.communicate()
        assert process.returncode != 0
        assert "error: params.yaml: video.fps = -1.0" in output and "Traceback" not in output
    finally:
        path.write_text(text)
