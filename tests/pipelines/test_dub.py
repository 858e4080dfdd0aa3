"""The flow `dub`: every item gets its chance, on threads and on the workers of a Dask cluster."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from difftalker.errors import UserError
from difftalker.media.wav import write_wav
from difftalker.provenance.reading import read_credentials
from pipelines.dub import dub_list
from pipelines.runtime import task_runner
from tests.dub.tiny_face import tiny_face
from tests.footage import noise, portrait
from tests.project import ROOT

# Takes the options of `difftalker dub`; a sound says what happens: `flaky` fails once, `broken` always.
COMMAND = """
import json, sys, pathlib, psutil
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
audio, output = pathlib.Path(options["--audio"]), pathlib.Path(options["--output"])
tries = output.with_suffix(".tries")
count = len(tries.read_text()) + 1 if tries.exists() else 1
tries.write_text("x" * count)
text = audio.read_text()
if text == "broken" or text == "flaky" and count == 1:
    sys.exit("error: " + audio.name + ": no sound in it")
options["worker"] = psutil.Process().parent().ppid()
output.write_text(json.dumps(options))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pipelines.dub.DELAY", 0.0)
    (tmp_path / "command.py").write_text(COMMAND)
    return tmp_path


def write_list(folder: Path, sounds: dict[str, str]) -> Path:
    for name, text in sounds.items():
        (folder / f"{name}.wav").write_text(text)
    (folder / "list.yaml").write_text(json.dumps([f"{name}.wav" for name in sounds]))
    return folder / "list.yaml"


def run(folder: Path, flow: Any = dub_list, **options: Any) -> Any:
    command = [sys.executable, str(folder / "command.py")]
    return flow(
        items=str(folder / "list.yaml"),
        out=str(folder / "out"),
        root=str(folder),
        command=command,
        return_state=True,
        **options,
    )


def test_a_failed_item_stops_no_other(server: str, folder: Path) -> None:
    write_list(folder, {"one": "good", "two": "broken", "three": "flaky", "four": "good"})
    state = run(folder, face=str(folder / "face"), retries=1)
    assert state.is_failed()
    assert state.message.startswith("4 films: 3 rendered, 1 failed; two.wav: ") and "no sound in it" in state.message
    assert {path.stem for path in (folder / "out").glob("*.mp4")} == {"one", "three", "four"}
    assert len((folder / "out/two.tries").read_text()) == 2 == len((folder / "out/three.tries").read_text())
    assert json.loads((folder / "out/one.mp4").read_text())["--face"] == str(folder / "face")

    (folder / "two.wav").write_text("good")
    state = run(folder)
    assert state.is_completed() and state.message == "4 films: 1 rendered, 3 present"
    assert {row["state"] for row in state.result()} == {"rendered", "present"}
    assert len((folder / "out/one.tries").read_text()) == 1, "what was there was not rendered again"


def test_films_are_signed(server: str, folder: Path) -> None:
    """By the command that renders them, which makes no film unsigned unless asked."""
    tiny_face(folder / "face", footage=[portrait()] * 4)
    write_wav(folder / "a.wav", [noise(0.2)])
    (folder / "list.yaml").write_text('["a.wav"]')
    options = {"items": str(folder / "list.yaml"), "out": str(folder / "out"), "face": str(folder / "face")}
    assert dub_list(**options, root=str(folder), return_state=True).is_completed()
    credentials = read_credentials(folder / "out/a.mp4")
    assert credentials is not None and credentials.problems == () and credentials.own


def test_missing_sound_is_not_tried_again(server: str, folder: Path) -> None:
    write_list(folder, {"one": "good", "two": "good"})
    (folder / "two.wav").unlink()
    state = run(folder, retries=3)
    assert state.is_failed() and state.message.startswith("2 films: 1 rendered, 1 failed; two.wav: ")
    assert len((folder / "out/two.tries").read_text()) == 1


def test_wrong_list_is_one_line(server: str, folder: Path) -> None:
    (folder / "list.yaml").write_text("- {sound: a.wav}")
    state = run(folder)
    assert state.is_failed() and "unknown key 'sound'" in state.message


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Two worker processes of one thread each."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DASK_TEMPORARY_DIRECTORY", str(tmp_path))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, memory_limit=None
    ) as cluster:
        yield cluster


@pytest.mark.slow
def test_items_spread_over_dask_workers(server: str, folder: Path, cluster: Any) -> None:
    pytest.importorskip("prefect_dask")
    names = [f"sound{number}" for number in range(6)]
    write_list(folder, dict.fromkeys(names, "good") | {"bad": "broken"})
    spread = dub_list.with_options(task_runner=task_runner("dask", scheduler=cluster.scheduler_address))
    state = run(folder, spread, retries=0)
    assert state.is_failed() and state.message.startswith("7 films: 6 rendered, 1 failed")
    workers = {json.loads((folder / f"out/{name}.mp4").read_text())["worker"] for name in names}
    assert len(workers) == 2


def test_runner_mistakes_are_one_line() -> None:
    with pytest.raises(UserError, match="address of a scheduler"):
        task_runner("dask")
    with pytest.raises(UserError, match="--runner dask"):
        task_runner("threads", scheduler="tcp://127.0.0.1:1")
