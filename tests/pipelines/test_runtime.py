from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from difftalker.errors import UserError
from pipelines.graph import recorded
from pipelines.reproduce import difference_rows, reference
from pipelines.runtime import artifact_key, parse_progress
from tests.pipelines.toy import Toy

GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A commit with metrics ld 0.5 and psnr 30, then other metrics and one other param in the workspace."""
    toy = Toy(tmp_path_factory.mktemp("toy"))
    graph = yaml.safe_load((toy.root / "dvc.yaml").read_text())
    (toy.root / "dvc.yaml").write_text(yaml.safe_dump({**graph, "metrics": ["metrics.json"]}))
    (toy.root / "metrics.json").write_text(json.dumps({"ld": 0.5, "psnr": 30, "reference": {"mean": {"ld": 0.9}}}))
    subprocess.run([*GIT, "add", "."], cwd=toy.root, check=True)
    subprocess.run([*GIT, "commit", "--quiet", "-m", "first"], cwd=toy.root, check=True)
    (toy.root / "metrics.json").write_text(json.dumps({"ld": 0.25, "psnr": 30, "reference": {"mean": {"ld": 0.9}}}))
    toy.set(two=7)
    return toy


def test_metrics_beside_the_last_commit(toy: Toy) -> None:
    rows = difference_rows(toy.root, "metrics", "HEAD", "before")
    assert rows == [
        {"name": "ld", "now": "0.25", "before": "0.5", "change": "-0.25"},
        {"name": "psnr", "now": "30", "before": "30", "change": "+0"},
        {"name": "reference.mean.ld", "now": "0.9", "before": "0.9", "change": "+0"},
    ]


def test_params_beside_the_last_commit(toy: Toy) -> None:
    rows = difference_rows(toy.root, "params", "HEAD", "then")
    rows = [row for row in rows if row["now"] != row["then"]]
    assert rows == [{"name": "two", "now": "7", "then": "2", "change": "+5"}]


def test_reference_is_the_champion_if_there_is_one(toy: Toy) -> None:
    assert reference(toy.root)[1] == "the last commit"
    head = toy.run(["git", "rev-parse", "HEAD"]).strip()
    toy.run([*GIT, "tag", "--annotate", "--message", "Promote", "face#champion#1"])
    assert reference(toy.root) == (head, "face#champion#1")
    toy.run([*GIT, "tag", "--delete", "face#champion#1"])


def test_unknown_revision_is_one_line(toy: Toy) -> None:
    with pytest.raises(UserError, match="nothing") as caught:
        recorded(toy.root, "metrics", "nothing")
    assert "\n" not in str(caught.value)


def test_without_a_commit_all_is_new(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    assert reference(tmp_path) == (None, "the last commit")
    rows = difference_rows(toy.root, "params", None, "then")
    (row,) = [row for row in rows if row["name"] == "two"]
    assert row == {"name": "two", "now": "2", "then": ""}


@pytest.mark.parametrize(
    ("line", "percent"),
    [
        ("face: step 90/900, loss 0.05, 1.1 steps/s, 12:30 left", 10.0),
        ("small prior: step 600/600, loss 0.01, 3.0 steps/s, 00:00 left", 100.0),
        ("rendered 90/900 frames", None),
        ("face: step 1/0, loss 0", None),
        ("", None),
    ],
)
def test_progress_lines(line: str, percent: float | None) -> None:
    assert parse_progress(line) == percent


def test_lines_of_the_training_loop_tell_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """The words that `difftalker.training.progress` prints are those that are looked for."""
    from difftalker.training.progress import TrainingProgress

    progress = TrainingProgress("face", 0, 4)
    progress.update(1, 0.5)
    progress.update(2, 0.5)
    lines = capsys.readouterr().err.splitlines()
    found = [parse_progress(line) for line in lines]
    assert [percent for percent in found if percent] == [25.0, 50.0]


def test_artifact_keys_are_what_prefect_allows() -> None:
    assert artifact_key("progress", "data/raw/dvc.yaml:render_demo") == "progress-data-raw-dvc-yaml-render-demo"
    assert artifact_key("progress", "extract_frames@Anna_2") == "progress-extract-frames-anna-2"
