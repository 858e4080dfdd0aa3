from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from difftalker.errors import UserError
from pipelines.graph import changed_stages, mend_after_kill, read_stages, stage_status
from tests.pipelines.toy import Toy
from tests.project import ROOT


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("toy"))
    toy.dvc("repro", "--quiet")
    return toy


def test_graph_is_that_of_dvc(toy: Toy) -> None:
    stages = {stage.name: stage for stage in read_stages(toy.root)}
    assert stages["source.txt.dvc"].tracked and not stages["one"].tracked
    assert stages["one"].upstream == ("source.txt.dvc",)
    assert stages["both"].upstream == ("one", "two")
    assert [name for name, stage in stages.items() if stage.uses_device] == ["model", "other"]
    order = list(stages)
    assert all(order.index(before) < order.index(name) for name in order for before in stages[name].upstream)
    assert [stage.name for stage in read_stages(toy.root, ["one"])] == ["source.txt.dvc", "one"]


def test_graph_of_this_repository() -> None:
    stages = {stage.name: stage for stage in read_stages(ROOT)}
    assert stages["extract_frames@demo"].recording == "demo"
    assert stages["extract_frames@demo"].upstream == ("check_params", "data/raw/dvc.yaml:render_demo")
    assert next(iter(stages)) == "check_params" and not stages["check_params"].upstream, "before anything is removed"
    assert stages["train_face"].uses_device and not stages["report"].uses_device
    assert not stages["detect_landmarks@demo"].uses_device, "the mesh's network is small"
    assert not stages["extract_audio@demo"].uses_device, "nor does whisper, which runs on the CPU"


def test_network_only_with_some_values(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    stage = toy.stage("model", ["source.txt"], ["device"]) | {"meta": {"device": {"other": 6}}}
    toy.write_graph({"model": stage})
    assert [entry.uses_device for entry in read_stages(tmp_path, ["model"])] == [False, False]
    toy.set(other=6)
    assert [entry.uses_device for entry in read_stages(tmp_path, ["model"])] == [False, True]


def test_changed_stages(toy: Toy) -> None:
    names = ["one", "two", "both"]
    assert changed_stages(toy.root, names) == []
    toy.set(two=22, both=33)
    assert changed_stages(toy.root, names) == ["two", "both"]
    assert changed_stages(toy.root, ["one"]) == []
    toy.set(two=2, both=3)


def test_status_knows_every_change(toy: Toy) -> None:
    """Parameter, input, output and definition; what is put back has its old fingerprint."""
    before = stage_status(toy.root, "both")
    assert before.changes == [] and before.outs.keys() == {"both.txt"}

    toy.set(both=9)
    assert stage_status(toy.root, "both").changes == [{"changed deps": {"params.yaml": {"both": "modified"}}}]
    assert stage_status(toy.root, "one").changes == [], "a stage sees its own params only"
    toy.set(both=3)

    for path, part in (("one.txt", "changed deps"), ("both.txt", "changed outs")):
        text = (toy.root / path).read_text()
        (toy.root / path).unlink()  # a hard link into the cache must not be written through
        (toy.root / path).write_text("other\n")
        assert stage_status(toy.root, "both").changes == [{part: {path: "modified"}}]
        (toy.root / path).unlink()
        assert stage_status(toy.root, "both").changes == [{part: {path: "deleted"}}]
        (toy.root / path).write_text(text)
    assert stage_status(toy.root, "both") == before

    graph = (toy.root / "dvc.yaml").read_text()
    (toy.root / "dvc.yaml").write_text(graph.replace("two.txt both.txt", "two.txt one.txt both.txt"))
    assert stage_status(toy.root, "both").changes == ["changed command"]
    (toy.root / "dvc.yaml").write_text(graph)
    assert stage_status(toy.root, "both") == before


def test_folder_of_code_without_what_running_it_leaves(tmp_path: Path) -> None:
    """Compiled modules are no change, with DVC's ignore file of this repository; a new module is one."""
    toy = Toy(tmp_path)
    shutil.copy(ROOT / ".dvcignore", tmp_path)
    (tmp_path / "library/part").mkdir(parents=True)
    (tmp_path / "library/part/a.py").write_text("x = 1")
    stage = toy.stage("one", ["source.txt"])
    toy.write_graph({"one": stage | {"deps": [*stage["deps"], "library"]}})
    toy.dvc("repro", "--quiet")
    before = stage_status(tmp_path, "one")
    for folder in ("library", "library/part"):
        (tmp_path / folder / "__pycache__").mkdir()
        (tmp_path / folder / "__pycache__/a.cpython-312.pyc").write_text("compiled")
    assert stage_status(tmp_path, "one") == before and not before.changes
    assert toy.up_to_date()
    (tmp_path / "library/part/b.py").write_text("")
    assert stage_status(tmp_path, "one").changes == [{"changed deps": {"library": "modified"}}]


def test_lost_cache_is_a_change(toy: Toy, tmp_path: Path) -> None:
    """As for `dvc repro`, which runs a stage whose output it could not restore later."""
    shutil.move(toy.root / ".dvc/cache", tmp_path / "cache")
    assert stage_status(toy.root, "one").changes == [{"changed outs": {"one.txt": "not in cache"}}]
    shutil.move(tmp_path / "cache", toy.root / ".dvc/cache")
    assert stage_status(toy.root, "one").changes == []


def test_no_project_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not inside of a DVC repository") as caught:
        read_stages(tmp_path)
    assert "\n" not in str(caught.value)


def test_unknown_stage_is_one_line(toy: Toy) -> None:
    with pytest.raises(UserError, match="nothing"):
        read_stages(toy.root, ["nothing"])


@pytest.mark.parametrize(
    ("name", "guard", "left"),
    [
        (".dvc/tmp/rwlock", "rwlock.lock", b""),  # what a SIGKILL leaves between the file's opening and its writing
        (".dvc/tmp/rwlock", "rwlock.lock", b'{"read": {"/tmp'),
        (".dvc/tmp/exps/rwlock", "exps/rwlock.lock", b""),  # of experiments
        ("dvc.lock", "lock", b""),
        ("dvc.lock", "lock", b"schema: '2.0'\nstages:\n  one:\n    deps:"),
    ],
)
def test_what_dvc_left_half_written_is_removed(tmp_path: Path, name: str, guard: str, left: bytes) -> None:
    toy = Toy(tmp_path)
    toy.dvc("repro", "--quiet")
    path, runs = tmp_path / name, (tmp_path / "runs.log").read_text()
    path.parent.mkdir(exist_ok=True)
    whole = path.read_bytes() if path.exists() else b'{"read": {}, "write": {}}'
    path.write_bytes(whole)
    mend_after_kill(tmp_path)
    assert path.read_bytes() == whole
    path.write_bytes(left)
    with (tmp_path / ".dvc/tmp" / guard).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        mend_after_kill(tmp_path)
        assert path.exists(), "somebody writes it"
    assert read_stages(tmp_path, ["one"]) and not path.exists()
    toy.dvc("repro")
    assert toy.up_to_date() and (tmp_path / "runs.log").read_text() == runs, "nothing ran again"


def test_a_lock_file_with_a_conflict_stays(tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    path.write_text("<<<<<<< HEAD\nschema: '2.0'\n=======\nstages: {}\n>>>>>>> other\n")
    mend_after_kill(tmp_path)
    assert path.exists()
