"""A graph with the stages and files of the real one and the arithmetic of a toy, to try the flows on in seconds.

A face's skill is its training steps and frames. Its figures are the worse the less skill it has; they also depend on
the test split, on the sync expert and on how it is sampled, as real ones do.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.project import ROOT, merge

SCRIPT = """
import json, os, sys, time
from pathlib import Path
import yaml

def read(path): return json.loads(Path(path).read_text())
def write(path, value):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(value))

stage = sys.argv[1]
params = yaml.safe_load(Path("params.yaml").read_text())
if stage == "build_dataset":
    import pyarrow as pa, pyarrow.parquet as pq
    clips = [(name, clip.stem) for name in params["recordings"] for clip in sorted(Path("data/raw", name).iterdir())]
    rows = [(*clip, number, "train" if number < 8 else "test") for clip in clips for number in range(10)]
    Path("data/processed").mkdir(parents=True, exist_ok=True)
    columns = dict(zip(("recording", "clip", "frame", "split"), map(list, zip(*rows))))
    pq.write_table(pa.table(columns), "data/processed/dataset.parquet")
    write("data/processed/counts.json", {split: columns["split"].count(split) for split in ("train", "test")})
elif stage == "build_syncnet":
    write("data/models/syncnet/model.json", {"steps": params["syncnet"]["train"]["steps"]})
elif stage == "train_landmarks":
    audio = {"am": 1.0, "bm": 1.5, "none": 2.0}[params["landmarks"]["audio_fusion"]]
    write("data/models/landmarks/model.json", {"distance": 0.01 * audio})
elif stage == "train_face":
    if params["face"]["train"]["steps"] == 13 or params["face"]["condition"] == "audio" and params["seed"] == 13:
        sys.exit("error: thirteen brings bad luck")
    print("training for", params["face"]["train"]["steps"], flush=True)
    if os.environ.get("TOY_SLEEPS_AT") == str(params["face"]["train"]["steps"]):
        time.sleep(120)
    frames = read("data/processed/counts.json")["train"]
    write("data/models/face/model.json", {"skill": params["face"]["train"]["steps"] + frames})
elif stage == "synthesise":
    face, landmarks = read("data/models/face/model.json"), read("data/models/landmarks/model.json")
    write("data/results/synthesis/video.json", face | landmarks | {"sampling": params["sampling"]["steps"]})
elif stage == "make_films":
    write("data/results/films/film.json", read("data/models/face/model.json"))
elif stage == "evaluate":
    video, film = read("data/results/synthesis/video.json"), read("data/results/films/film.json")
    frames = read("data/processed/counts.json")["test"]
    worse = 1 + 100 / video["skill"] + 1 / video["sampling"] + frames / 100
    lse_d = 7.0 * worse + read("data/models/syncnet/model.json")["steps"] / 1000
    own = {"ld": 0.002 * worse, "sharpness_ratio": 1 - 0.01 * worse}
    driven = {"lse_d": lse_d, "closure": 1 - 0.01 * worse, "opening_slope": 1 - 0.01 * worse, "undetected": 0}
    write("data/results/metrics.json", {
        "film": {"own": own, "driven": driven | {"unpainted": 0, "frames": frames, "skill": film["skill"]}},
        "ld": 0.002 * worse, "lse_d": lse_d, "undetected": 0, "test_frames": frames, "psnr": 30 / worse,
        "lse_c": 2.0, "ssim": 0.9, "landmark_distance": video["distance"],
        "reference": {"ground_truth": {"ld": 0.0}},
    })
"""

MODELS, DATASET, COUNTS = "data/models", "data/processed/dataset.parquet", "data/processed/counts.json"
GRAPH: dict[str, dict[str, Any]] = {
    "build_dataset": {
        "deps": ["data/raw"],
        "params": ["recordings"],
        "outs": [DATASET, COUNTS],
    },
    "build_syncnet": {
        "deps": [DATASET, COUNTS],
        "params": ["syncnet"],
        "outs": [f"{MODELS}/syncnet"],
    },
    "train_landmarks": {
        "deps": [DATASET, COUNTS],
        "params": ["landmarks"],
        "outs": [f"{MODELS}/landmarks"],
    },
    "train_face": {
        "deps": [DATASET, COUNTS],
        "params": ["face", "seed"],
        "outs": [f"{MODELS}/face"],
    },
    "synthesise": {
        "deps": [DATASET, COUNTS, f"{MODELS}/face", f"{MODELS}/landmarks"],
        "params": ["sampling"],
        "outs": ["data/results/synthesis"],
    },
    "make_films": {
        "deps": [DATASET, f"{MODELS}/face"],
        "params": ["films"],
        "outs": ["data/results/films"],
    },
    "evaluate": {
        "deps": [DATASET, COUNTS, f"{MODELS}/syncnet", "data/results/synthesis", "data/results/films"],
        "params": ["detector"],
        "metrics": [{"data/results/metrics.json": {"cache": False}}],
    },
}


class ToyProject:
    """A project with the toy graph under a git and a DVC of its own, committed, after a run unless told otherwise."""

    def __init__(self, root: Path, run: bool = True) -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        stages = copy.deepcopy(GRAPH)
        for name, stage in stages.items():
            stage["cmd"] = f"python toy.py {name}"
            stage["deps"].append("toy.py")
        artifacts = {"face": {"path": MODELS, "type": "model"}}
        (root / "toy.py").write_text(SCRIPT)
        (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages, "artifacts": artifacts}, sort_keys=False))
        (root / ".gitignore").write_text((ROOT / ".gitignore").read_text())
        self.set_params({})
        self.git("init", "--quiet", "--initial-branch=main")
        self.dvc("init", "--quiet")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@localhost")
        self.add_footage("anna")
        if run:
            self.dvc("repro", "--quiet")
        self.commit("First state")

    @classmethod
    def at(cls, root: Path) -> ToyProject:
        """A project that is already there, such as a copy."""
        project = cls.__new__(cls)
        project.root = root
        return project

    def set_params(self, changes: Mapping[str, Any]) -> None:
        params = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
        merge(params, {"recordings": ["anna"], "face": {"train": {"steps": 100}}})
        merge(params, changes)
        (self.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))

    def add_footage(self, name: str, clip: str = "a") -> None:
        folder = self.root / "data/raw" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{clip}.mp4").write_text(f"film {name} {clip}")
        self.dvc("add", "--quiet", f"data/raw/{name}")

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        return self._run("git", *arguments)

    def dvc(self, *arguments: str) -> str:
        return self._run("dvc", *arguments)

    def run_for_output(self, *command: str) -> str:
        return self._run(*command)

    def experiment(self, name: str, *overrides: str) -> str:
        """Run an experiment in a temporary copy. Returns its commit."""
        from pipelines.experiment import find_experiment

        self.dvc("exp", "run", "--quiet", "--temp", "--name", name, *(f"-S{override}" for override in overrides))
        return find_experiment(self.root, name)

    def state(self) -> dict[str, bytes]:
        """Every file of the workspace but those of git and DVC."""
        files = (path for path in self.root.rglob("*") if path.is_file())
        names = {path.relative_to(self.root).as_posix(): path for path in files}
        own = (".git/", ".dvc/", ".prefect/")
        return {name: path.read_bytes() for name, path in names.items() if not name.startswith(own)}

    def _run(self, *command: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()
