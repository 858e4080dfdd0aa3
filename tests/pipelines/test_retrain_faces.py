"""The flow `retrain` with real, if small, faces: better is promoted, worse refused, new footage measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.champion import champion
from pipelines.retrain import Outcome, retrain
from tests.project import Project

pytestmark = pytest.mark.slow

# A decoder that shows its references' mean, so that faces can be found in it, moved onto landmarks that know nothing of
# the sound. The sync expert and 45 test frames are too small to judge sync and jitter by: LD decides.
WORST: dict[str, Any] = {
    "video": {"size": 128},
    "landmarks": {"train": {"steps": 30}},
    "face": {"train": {"steps": 1}},
    "promotion": {"lse_d": 1.0, "closure": 1.0, "opening": 9.0, "sharpness": 9.0, "undetected": 1.0},
}
BETTER = ["landmarks.train.steps=600"]
WORSE = ["landmarks.train.steps=30"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: str) -> Project:
    """Committed with a face whose landmarks have learnt little."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.set_params(WORST)
    project.repro()
    commit(project, "First face")
    return project


def commit(project: Project, message: str) -> None:
    for command in (
        ["add", "--all"],
        ["-c", "user.name=T", "-c", "user.email=t@t", "commit", "--quiet", "-m", message],
    ):
        subprocess.run(["git", *command], cwd=project.root, check=True)


def run(project: Project, **options: Any) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        state = retrain(root=str(project.root), return_state=True, **options)
    assert state.is_completed(), state.message
    outcome: Outcome = state.result()
    print(outcome)
    return outcome


def models(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (root / "data/models").rglob("*") if path.is_file()}


def test_better_is_promoted_and_worse_refused(project: Project) -> None:
    assert champion(project.root).tag is None
    first = models(project.root)
    outcome = run(project, overrides=BETTER)
    assert outcome.tag == "face#champion#1" and models(project.root) != first

    before = models(project.root)
    outcome = run(project, overrides=WORSE)
    assert outcome.tag is None and "ld fails by" in outcome.reason
    assert models(project.root) == before and champion(project.root).tag == "face#champion#1"
    assert "Data and pipelines are up to date." in project.repro()


def test_new_footage(project: Project) -> None:
    """The champion is measured again, on both recordings' test split; what learnt nothing is refused there too."""
    params = (project.root / "params.yaml").read_text()
    longer = params.replace("seconds: 6.0", "seconds: 11.0").replace("seed: 7", "seed: 9")
    assert longer != params
    (project.root / "params.yaml").write_text(longer)
    command = [sys.executable, "-m", "stages.render_demo", "--out", "data/raw/second"]
    subprocess.run(command, cwd=project.root, check=True, env=project.environment)
    (project.root / "params.yaml").write_text(params)
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", "data/raw/second"], cwd=project.root, check=True)
    before = models(project.root)
    outcome = run(project, recording="second", overrides=WORSE)
    assert outcome.tag is None and "ld fails by" in outcome.reason and models(project.root) == before
    outcome = run(project, recording="second")
    assert outcome.tag == "face#champion#2"
    assert "second" in (project.root / "params.yaml").read_text()
