"""The flow `study` on the toy graph: queued in DVC, run in temporary copies, tables of what succeeded and failed."""

from __future__ import annotations

import csv

import pytest

from pipelines.study import study
from tests.pipelines.faces import ToyProject


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    return ToyProject(tmp_path_factory.mktemp("project"))


@pytest.mark.slow
def test_ablations_and_their_tables(server: str, project: ToyProject) -> None:
    """One of the four fails, which stops no other."""
    before = project.state()
    state = study(root=str(project.root), overrides=["sampling.steps=8", "seed=13"], return_state=True)
    assert state.is_failed() and "3 of 4 experiments succeeded" in state.message
    assert "audio-condition" in state.message and "dvc queue logs" in state.message
    after = {name: content for name, content in project.state().items() if not name.startswith("data/results/studies")}
    assert after == before and not project.git("status", "--porcelain")

    (folder,) = (project.root / "data/results/studies").iterdir()
    rows = {row["name"]: row for row in csv.DictReader((folder / "study.csv").read_text().splitlines())}
    # As in the toy's script: 0.01 with AM-Trans, 0.015 with the sound in BM-Trans, 0.02 without sound.
    distances = {name: float(rows[name]["landmark_distance"]) for name in ("ours", "audio-in-bm", "no-audio")}
    assert distances == {"ours": 0.01, "audio-in-bm": 0.015, "no-audio": 0.02}
    assert float(rows["ours"]["ld"]) == pytest.approx(0.002 * (1 + 100 / 108 + 1 / 8 + 2 / 100))
    assert rows["no-audio"]["landmarks.audio_path"] == "none" and rows["audio-condition"]["face.condition"] == "audio"
    assert rows["audio-condition"]["source"] == "failed" and rows["ours"]["source"] == "measured"
    assert "sampling.steps" not in rows["ours"], "it is the same in all"
    text = (folder / "study.md").read_text()
    assert "DiffTalker (Ours²), *quoted*" in text and "| no-audio | `none` |" in text


def test_wrong_grid_queues_nothing(server: str, project: ToyProject) -> None:
    queued = project.git("for-each-ref", "refs/exps")
    state = study(root=str(project.root), grid={"face.train.steps": [5, 0]}, return_state=True)
    assert state.is_failed() and "face.train.steps = 0" in state.message
    assert project.git("for-each-ref", "refs/exps") == queued
