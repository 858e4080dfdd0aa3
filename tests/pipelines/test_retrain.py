"""The flow `retrain` on the toy graph, with Prefect: promoted, refused, stopped; what stays as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipelines.champion import champion
from pipelines.retrain import retrain
from tests.pipelines.faces import ToyProject
from tests.pipelines.toy import killed_at
from tests.project import ROOT

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    """Never run; the first test makes its first model."""
    return ToyProject(tmp_path_factory.mktemp("project"), run=False)


def run(project: ToyProject, **options: object) -> object:
    return retrain(root=str(project.root), return_state=True, **options)


def test_first_model(project: ToyProject) -> None:
    outcome = run(project).result()
    assert outcome.tag == "face#champion#1" and "first" in outcome.reason
    assert '{"skill": 108}' in (project.root / "data/models/face/model.json").read_text()


def test_worse_is_refused_then_better_is_promoted(project: ToyProject) -> None:
    before, head = project.state(), project.git("rev-parse", "HEAD")
    refused = run(project, overrides=["face.train.steps=1"])
    assert refused.is_completed()
    outcome = refused.result()
    # By hand: the champion's skill is 108, the candidate's 9; both on the same two test frames.
    worst, best = (0.002 * (1 + 100 / skill + 1 / 1 + 2 / 100) for skill in (9, 108))
    assert f"ld fails by {worst - 1.05 * best:.4g}" in outcome.reason and "lse_d fails" in outcome.reason
    assert refused.message.startswith("refused") and outcome.reason in refused.message
    assert outcome.tag is None and champion(project.root).tag == "face#champion#1" == outcome.champion
    assert project.state() == before, "the champion's files and all others are byte-identical"
    assert project.git("rev-parse", "HEAD") == head and not project.git("status", "--porcelain")
    assert project.git("for-each-ref", f"refs/exps/*/*/{outcome.experiment}"), "it can still be looked at"

    promoted = run(project, overrides=["face.train.steps=300"])
    outcome = promoted.result()
    assert outcome.tag == "face#champion#2" == champion(project.root).tag
    assert '{"skill": 308}' in (project.root / "data/models/face/model.json").read_text()
    assert "up to date" in project.dvc("status") and not project.git("status", "--porcelain")
    assert "ld" in project.git("log", "-1", "--format=%B").lower()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"overrides": ["face.train.steps=13"]}, "thirteen brings bad luck"),
        ({"overrides": ["face.train.stepps=3"]}, "face.train.stepps"),
        ({"overrides": ["face.train.steps=0"]}, "face.train.steps = 0: input should be greater than 0"),
        ({"overrides": ["frames.crop_scale=2.0"]}, "differs from the champion's"),
        ({"recording": "nobody"}, "difftalker add"),
        ({"recording": "../raw"}, "no name of a recording"),
    ],
)
def test_failures_are_one_line_and_change_nothing(project: ToyProject, options: dict, said: str) -> None:
    before, refs = project.state(), project.git("for-each-ref", "refs/tags", "refs/heads")
    state = run(project, **options)
    assert state.is_failed() and said in state.message and "\n" not in state.message
    assert project.state() == before and project.git("for-each-ref", "refs/tags", "refs/heads") == refs


def test_doctor_stops_bad_footage(project: ToyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the doctor's command is run in the project's folder
    (project.root / "data/raw/dora").mkdir()
    (project.root / "data/raw/dora/film.mp4").write_text("this is no film" * 50)
    experiments = project.git("for-each-ref", "refs/exps")
    state = run(project, recording="dora")
    assert state.is_failed() and "recording dora" in state.message and "film.mp4" in state.message
    assert project.git("for-each-ref", "refs/exps") == experiments, "nothing was trained"


@pytest.mark.slow
def test_killed_retraining(project: ToyProject) -> None:
    """By SIGKILL in the training: no process, no tag, no changed file; started again, it promotes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(project.root.parent)}
    command = [sys.executable, "-m", "pipelines", "retrain", "-S", "face.train.steps=777"]
    before, tags = project.state(), project.git("tag")
    killed_at("training for 777", command, project.root, {**environment, "TOY_SLEEPS_AT": "777"})
    assert project.state() == before and project.git("tag") == tags and not project.git("status", "--porcelain")

    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith("promoted as "), done.stdout + done.stderr
    assert "up to date" in project.dvc("status") and not project.git("status", "--porcelain")


def test_nothing_new(project: ToyProject) -> None:
    outcome = run(project).result()
    assert outcome.tag is None and "nothing changed" in outcome.reason
