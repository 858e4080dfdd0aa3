"""What would stop a later stage is found before the first one works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tqdm import tqdm

from difftalker.painting.diffusion.patch_autoencoder import PatchAutoencoder
from stages.runner import run
from tests.disk import largest_file
from tests.painting.tiny_diffusion import write_model
from tests.project import merge

ROOT = Path(__file__).parents[2]


@pytest.fixture
def errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a stage with changed params; gives what it prints where it ends before its work, and None where it works."""
    monkeypatch.chdir(tmp_path)

    def start(stage: str, changes: Mapping[str, Any]) -> str | None:
        params = yaml.safe_load((ROOT / "params.yaml").read_text())
        merge(params, changes)
        Path("params.yaml").write_text(yaml.safe_dump(params))
        worked: list[bool] = []
        try:
            run(stage, lambda: worked.append(True))
        except SystemExit as end:
            assert end.code == 1 and not worked
            return capsys.readouterr().err
        return None

    return start


@pytest.mark.parametrize("stage", ["extract_frames@demo", "detect_landmarks@demo", "train_face"])
def test_an_absent_gpu(errors: Any, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = errors(stage, {"device": "cuda"})
    assert message.startswith("error: device = cuda: not present") and message.count("\n") == 1
    assert errors(stage, {"device": "auto"}) is None


def test_a_small_prior_that_does_not_fit_the_frames(errors: Any) -> None:
    message = errors("extract_frames@demo", {"video": {"size": 144}})
    assert "video.size 144 does not fit prior.patch" in message and "multiple of 32" in message
    assert message.count("\n") == 1


def test_an_imported_prior_is_looked_at_first(errors: Any, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", with_text=False)
    changes = {"prior": {"source": "huggingface", "model": str(folder)}}
    assert errors("extract_frames@demo", changes | {"video": {"size": 128}}) is None
    message = errors("extract_frames@demo", changes | {"video": {"size": 96}})
    assert "video.size = 96" in message and "multiple of 64" in message and message.count("\n") == 1
    (folder / "unet/config.json").unlink()
    assert "unet/config.json is missing" in errors("extract_frames@demo", changes)
    PatchAutoencoder(8, 4).save_pretrained(folder / "unet")
    assert "holds AutoencoderKL and PatchAutoencoder" in errors("extract_frames@demo", changes)
    assert errors("report", changes) is None, "only the first stage looks"


def test_what_the_system_refuses_is_a_line_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where a progress bar is open."""
    monkeypatch.chdir(tmp_path)

    def work() -> None:
        for _ in tqdm(range(3), desc="synthesise"):
            with largest_file(10):
                Path("big").write_text("word " * 100)

    with pytest.raises(SystemExit) as caught:
        run("synthesise", work)
    assert caught.value.code == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error: "))
    assert line.startswith("error: stage synthesise: the file is larger") and line.endswith("then repeat the command")
