"""Champion and candidate in git and DVC: found, compared on one test split, promoted, undone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from difftalker.errors import UserError
from pipelines.champion import adopt, champion, demote, finish, promote
from pipelines.comparison import differences, measure_champion, require_comparable
from pipelines.experiment import find_experiment
from pipelines.revision import Snapshot
from tests.pipelines.faces import COUNTS, DATASET, ToyProject


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> ToyProject:
    """After the first run, with two experiments: more training, and the footage of `ben` as well."""
    project = ToyProject(tmp_path_factory.mktemp("origin"))
    project.experiment("longer", "face.train.steps=200")
    project.add_footage("ben")
    project.git("add", "data/raw")
    project.experiment("footage", "recordings=[anna,ben]", "sampling.steps=8")
    project.git("reset", "--quiet", "--hard")
    shutil.rmtree(project.root / "data/raw/ben")
    return project


@pytest.fixture
def project(origin: ToyProject, tmp_path: Path) -> ToyProject:
    """A copy of it to change."""
    shutil.copytree(origin.root, tmp_path / "project", symlinks=True)
    return origin.at(tmp_path / "project")


@pytest.fixture
def device(tmp_path: Path) -> Iterator[int]:
    """An open file, as the lock of the device."""
    with (tmp_path / "lock").open("w") as lock:
        yield lock.fileno()


def snapshot(project: ToyProject, name: str) -> Snapshot:
    return Snapshot.read(project.root, "HEAD" if name == "HEAD" else find_experiment(project.root, name))


def test_only_the_model_differs(origin: ToyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.comparison.run_dvc", lambda *arguments, **options: pytest.fail("nothing to run"))
    head, longer = snapshot(origin, "HEAD"), snapshot(origin, "longer")
    assert head.trained and set(head.model_hashes()) == {"data/models/face", "data/models/landmarks"}
    assert differences(head, longer) == []
    require_comparable(origin.root, head, longer.params)
    measured = measure_champion(origin.root, head, longer, 0)
    assert measured.metrics == head.metrics


def test_what_describes_the_face_belongs_to_it() -> None:
    outs = {
        "describe_speaker": ["data/models/face.json", "data/models/footage/face_track.safetensors"],
        "build_syncnet": ["data/models/syncnet"],
        "train_face": ["data/models/face", "data/models/face_of_another"],
    }
    stages = {name: {"outs": [{"path": path, "md5": name} for path in paths]} for name, paths in outs.items()}
    hashes = Snapshot("0", {}, stages, None).model_hashes()
    assert hashes == {
        "data/models/face.json": "describe_speaker",
        "data/models/footage/face_track.safetensors": "describe_speaker",
        "data/models/face": "train_face",
    }


def test_new_footage_measures_the_champion_again(origin: ToyProject, device: int) -> None:
    """The old models on the new test split, with the old sampling: what a plain run of that state gives."""
    head, footage = snapshot(origin, "HEAD"), snapshot(origin, "footage")
    assert differences(head, footage) == [COUNTS, DATASET]
    before = origin.state()
    measured = measure_champion(origin.root, head, footage, device)
    assert origin.state() == before
    # By hand: skill 100 steps + 8 frames, 1 sampling step, 4 test frames.
    worse = 1 + 100 / 108 + 1 / 1 + 4 / 100
    assert measured.metrics["test_frames"] == 4 and measured.metrics["ld"] == pytest.approx(0.002 * worse)
    assert measured.seen == 0 and measured.differences == (COUNTS, DATASET)
    assert head.metrics is not None and head.metrics["test_frames"] == 2


def test_test_frames_seen_in_training_are_counted(project: ToyProject, device: int) -> None:
    """The champion was trained on what the candidate's split tests on: its split was another."""
    head = snapshot(project, "HEAD")
    script = (project.root / "toy.py").read_text().replace("number < 8", "number >= 3")
    (project.root / "toy.py").write_text(script)
    measured = measure_champion(project.root, head, Snapshot.read(project.root, project.experiment("split")), device)
    assert measured.seen == 3 and measured.metrics["test_frames"] == 3  # frames 0, 1 and 2


def test_models_that_are_gone_are_named(project: ToyProject) -> None:
    shutil.rmtree(project.root / ".dvc/cache")
    head = snapshot(project, "HEAD")
    with pytest.raises(UserError, match=r"data/models/face of the champion .* not in DVC's cache"):
        require_comparable(project.root, head, head.params)


def test_other_crops_cannot_be_compared(origin: ToyProject) -> None:
    head = snapshot(origin, "HEAD")
    params = {**head.params, "frames": {**head.params["frames"], "crop_scale": 2.0}}
    with pytest.raises(UserError, match="frames: differs from the champion's"):
        require_comparable(origin.root, head, params)


def test_promotion_and_its_undoing(project: ToyProject) -> None:
    root, before = project.root, project.state()
    assert champion(root).tag is None
    tag = promote(root, snapshot(project, "longer").revision, "Promote longer")
    assert tag == "face#champion#1" == champion(root).tag
    assert project.state() == before and not project.git("status", "--porcelain"), "a tag leaves the workspace alone"

    (root / "notes.txt").write_text("other work")
    assert adopt(root, tag) is None
    assert '{"skill": 208}' in (root / "data/models/face/model.json").read_text()
    assert project.git("rev-parse", "HEAD") == champion(root).revision
    assert "up to date" in project.dvc("status")

    again = promote(root, snapshot(project, "footage").revision, "Promote footage")
    assert again == "face#champion#2"
    obstacle = adopt(root, again)
    assert obstacle == (
        "the branch has moved on since the training began; "
        "take the new model in with `git merge 'face#champion#2' && dvc checkout`"
    )
    assert demote(root) == (again, tag)

    removed, name = demote(root)
    assert removed == tag and name.endswith("(HEAD)")
    (root / "notes.txt").unlink()
    assert project.state() == before and "up to date" in project.dvc("status")
    with pytest.raises(UserError, match="nothing to undo"):
        demote(root)


@pytest.mark.parametrize("killed_at", ["tag", "merge", "checkout"])
def test_promotion_that_was_killed(project: ToyProject, killed_at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its tag it never happened; after it, it is finished by the next run."""
    root, before = project.root, project.state()
    revision = snapshot(project, "longer").revision

    class Killed(BaseException):
        pass

    def killed(*arguments: object, **options: object) -> str:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        if killed_at == "tag":
            patch.setattr("pipelines.champion._numbers", killed)
        tag = promote(root, revision, "Promote longer")
        if killed_at == "merge":
            patch.setattr("pipelines.champion._changed_by", killed)
        patch.setattr("pipelines.champion.run_dvc", killed)
        adopt(root, tag)
    said = finish(root)
    if killed_at == "tag":
        assert said is None and champion(root).tag is None
        assert project.state() == before and not project.git("status", "--porcelain")
    else:
        assert said == "the promotion of face#champion#1 was interrupted; it is complete now"
        assert '{"skill": 208}' in (root / "data/models/face/model.json").read_text()
        assert project.git("rev-parse", "HEAD") == champion(root).revision
        assert "up to date" in project.dvc("status") and not project.git("status", "--porcelain")
    assert finish(root) is None


def test_tags_are_read_by_dvc_and_gto(project: ToyProject) -> None:
    promote(project.root, snapshot(project, "longer").revision, "Promote longer")
    project.dvc("artifacts", "get", ".", "face", "--stage", "champion", "--out", "got")
    assert '{"skill": 208}' in (project.root / "got/face/model.json").read_text()
    assert "champion" in project.run_for_output("gto", "show", "face")


def test_uncommitted_footage_is_taken_in(project: ToyProject) -> None:
    """`difftalker add` leaves params.yaml and a .dvc file changed; the promotion holds the same changes."""
    head = snapshot(project, "HEAD")
    project.add_footage("carl")
    project.set_params({"recordings": ["anna", "carl"]})
    project.git("add", "data/raw/carl.dvc")
    tag = promote(project.root, project.experiment("carl"), "Promote carl")
    assert adopt(project.root, tag) is None
    assert not project.git("status", "--porcelain") and (project.root / "data/raw/carl/a.mp4").is_file()
    assert project.git("rev-parse", "HEAD~1") == head.revision


def test_other_changes_are_in_the_way(project: ToyProject) -> None:
    tag = promote(project.root, snapshot(project, "longer").revision, "Promote longer")
    project.set_params({"face": {"train": {"steps": 7}}})
    before = project.state()
    obstacle = adopt(project.root, tag)
    assert obstacle is not None and obstacle.startswith("params.yaml has changes that are not committed; ")
    assert project.state() == before


def test_demotion_refuses_what_later_work_builds_on(project: ToyProject) -> None:
    tag = promote(project.root, snapshot(project, "longer").revision, "Promote longer")
    assert adopt(project.root, tag) is None
    project.set_params({"face": {"train": {"steps": 300}}})
    with pytest.raises(UserError, match=r"params\.yaml has changes"):
        demote(project.root)
    project.commit("Other steps")
    before = project.state()
    with pytest.raises(UserError, match="later commits"):
        demote(project.root)
    assert project.state() == before and champion(project.root).tag == tag
    assert not subprocess.run(["git", "diff", "--quiet"], cwd=project.root, check=False).returncode


def test_no_git_user(project: ToyProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bare server: git knows nobody, and the promotion has an author all the same."""
    project.git("config", "--unset", "user.name")
    project.git("config", "--unset", "user.email")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    tag = promote(project.root, snapshot(project, "longer").revision, "Promote longer")
    assert project.git("log", "-1", "--format=%an", tag) == "DiffTalker"
