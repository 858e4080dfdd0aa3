"""No file that is read runs code, whatever its name promises."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from difftalker.audio.deepspeech.network import load_deepspeech
from difftalker.completion.landmark_file import read_completed
from difftalker.config import load_params
from difftalker.dataset.frames import Dataset
from difftalker.dub.film_list import read_items
from difftalker.errors import UserError
from difftalker.face.fan_detector import load_fan
from difftalker.media.wav import write_wav
from difftalker.sync.official import read_published
from difftalker.talking_face import TalkingFace
from difftalker.training.checkpoint import load_checkpoint
from tests.dub.tiny_face import pictures, tiny_face
from tests.footage import noise
from tests.project import ROOT


class Malicious:
    """Unpickled, it writes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return exec, (f"open({str(self.mark)!r}, 'w').close()",)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "executed"


def write_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Malicious(mark)))


def write_torch(path: Path, mark: Path) -> None:
    torch.save({"model": Malicious(mark), "run": {}}, path)


def write_archive(path: Path, mark: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Malicious(mark)))


def test_the_files_do_run_code_where_they_are_trusted(tmp_path: Path, mark: Path) -> None:
    write_pickle(tmp_path / "a", mark)
    pickle.loads((tmp_path / "a").read_bytes())
    assert mark.exists()


@pytest.mark.parametrize("write", [write_pickle, write_torch, write_archive])
@pytest.mark.parametrize(
    "read",
    [
        load_deepspeech,
        lambda path: load_fan(path, torch.device("cpu")),
        read_published,
        Dataset.load,
        lambda path: read_completed(path, 3),
        lambda path: read_items(path, path.parent),
        load_params,
    ],
    ids=["deepspeech", "fan2d", "syncnet", "dataset", "landmarks", "film list", "params"],
)
def test_weights_tables_and_settings(
    read: Callable[[Path], object], write: Callable[[Path, Path], None], tmp_path: Path, mark: Path
) -> None:
    path = tmp_path / "input"
    write(path, mark)
    with pytest.raises(UserError) as caught:
        read(path)
    assert "\n" not in str(caught.value) and not mark.exists()


@pytest.mark.parametrize("write", [write_pickle, write_torch, write_archive])
def test_checkpoints(
    write: Callable[[Path, Path], None], tmp_path: Path, mark: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "last.pt", mark)
    assert load_checkpoint(tmp_path / "last.pt", {}, {}) is None
    assert "cannot be read" in capsys.readouterr().err and not mark.exists()


def test_every_file_of_a_face(tmp_path: Path, mark: Path) -> None:
    folder = tiny_face(tmp_path / "face", footage=pictures(3))
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in (".json", ".safetensors")]
    assert len(files) > 8
    write_wav(tmp_path / "speech.wav", [noise(0.3)])
    refused = set()
    for path in files:
        kept = path.read_bytes()
        for write in (write_pickle, write_torch):
            write(path, mark)
            try:
                TalkingFace.load(folder).dub(tmp_path / "speech.wav", tmp_path / "film.mp4", overwrite=True)
            except UserError as error:
                assert "\n" not in str(error), path
                refused.add(path)
            assert not mark.exists(), path
        path.write_bytes(kept)
    assert {path for path in files if path.name in ("model.safetensors", "face.json")} <= refused


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:builtins.open ['{mark}', 'w']",
        "!!python/name:os.system",
        "!!python/object/new:type {{args: ['z', [], {{}}]}}",
    ],
)
def test_tags_of_yaml(value: str, tmp_path: Path, mark: Path) -> None:
    text = (ROOT / "params.yaml").read_text().replace("seed: 0", "seed: " + value.format(mark=mark), 1)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=r"params\.yaml"):
        load_params(tmp_path / "params.yaml")
    assert not mark.exists()
