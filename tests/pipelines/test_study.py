"""The flow `study` on the toy graph: in temporary copies, tables of what succeeded and failed, and going on."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.runtime import task_runner
from pipelines.study import study
from tests.pipelines.faces import ToyProject
from tests.pipelines.toy import killed_at
from tests.project import ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    return ToyProject(tmp_path_factory.mktemp("project"), run=False)


def workspace(project: ToyProject) -> dict[str, bytes]:
    """Its files without the tables of studies."""
    return {name: content for name, content in project.state().items() if not name.startswith("data/results/studies")}


def rows(folder: Path) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in csv.DictReader((folder / "study.csv").read_text().splitlines())}


@pytest.mark.slow
def test_ablations_and_their_tables(server: str, project: ToyProject) -> None:
    """Two at a time; one of the four fails, which stops no other."""
    before = workspace(project)
    by_two = study.with_options(task_runner=task_runner("threads", 2))
    state = by_two(root=str(project.root), overrides=["sampling.steps=8", "seed=13"], return_state=True)
    assert state.is_failed() and "3 of 4 experiments succeeded" in state.message
    assert "-audio-condition: failed with status" in state.message and "thirteen brings bad luck" in state.message
    assert workspace(project) == before and not project.git("status", "--porcelain")

    (folder,) = (project.root / "data/results/studies").iterdir()
    found = rows(folder)
    # As in the toy's script: 0.01 with AM-Trans, 0.015 with the sound in BM-Trans, 0.02 without sound.
    distances = {name: float(found[name]["landmark_distance"]) for name in ("ours", "audio-in-bm", "no-audio")}
    assert distances == {"ours": 0.01, "audio-in-bm": 0.015, "no-audio": 0.02}
    assert float(found["ours"]["ld"]) == pytest.approx(0.002 * (1 + 100 / 108 + 1 / 8 + 2 / 100))
    assert found["no-audio"]["landmarks.audio_fusion"] == "none"
    assert found["audio-condition"]["face.condition"] == "audio"
    assert found["audio-condition"]["source"] == "failed" and found["ours"]["source"] == "measured"
    assert "sampling.steps" not in found["ours"], "it is the same in all"
    text = (folder / "study.md").read_text()
    assert "DiffTalker (Ours²), *quoted*" in text and "| no-audio | `none` |" in text


@pytest.mark.slow
def test_killed_study_goes_on_with_what_is_missing(server: str, project: ToyProject) -> None:
    """By SIGKILL in its second experiment: no process stays, the first experiment is not run again."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(project.root.parent)}
    command = [sys.executable, "-m", "pipelines", "study", "--grid", "face.train.steps=5,6"]
    before = workspace(project)
    killed_at("training for 6", command, project.root, {**environment, "TOY_SLEEPS_AT": "6"})

    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "training for 6" in output and "training for 5" not in output
    folder = Path(done.stdout.strip().rpartition("tables in ")[2])
    assert {name: float(row["psnr"]) for name, row in rows(folder).items() if row["source"] == "measured"} == {
        f"steps-{steps}": pytest.approx(30 / (1 + 100 / (steps + 8) + 1 / 1 + 2 / 100)) for steps in (5, 6)
    }
    assert workspace(project) == before and not project.git("status", "--porcelain")


def test_wrong_grid_runs_nothing(server: str, project: ToyProject) -> None:
    experiments = project.git("for-each-ref", "refs/exps")
    state = study(root=str(project.root), grid={"face.train.steps": [5, 0]}, return_state=True)
    assert state.is_failed() and "face.train.steps = 0" in state.message
    assert project.git("for-each-ref", "refs/exps") == experiments
