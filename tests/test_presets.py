"""Presets: differences from the demo's params.yaml, made whole with its layout and their comments."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from difftalker.config import load_params
from difftalker.errors import UserError
from difftalker.presets import BASE, load_preset, preset_text

PRESETS = Path(__file__).parents[1] / "presets"
DEMO = yaml.safe_load((PRESETS / BASE).read_text())
OTHERS = sorted(path for path in PRESETS.glob("*.yaml") if path.name != BASE)


def leaves(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A preset to be written, beside the demo's."""
    shutil.copy(PRESETS / BASE, tmp_path)
    return tmp_path / "own.yaml"


def test_the_demo_s_is_itself() -> None:
    assert preset_text(PRESETS / BASE) == (PRESETS / BASE).read_text()


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_presets_hold_differences_alone(path: Path) -> None:
    changes, demo = dict(leaves(yaml.safe_load(path.read_text()))), dict(leaves(DEMO))
    assert [key for key, value in changes.items() if demo.get(key) == value] == []
    assert dict(leaves(yaml.safe_load(preset_text(path)))) == demo | changes
    assert yaml.safe_load(preset_text(path)).keys() == DEMO.keys()


def test_comments_and_layout(own: Path) -> None:
    (own.with_name(BASE)).write_text((own.with_name(BASE)).read_text().replace("\nvideo:", "\n# The demo's.\nvideo:"))
    own.write_text(
        "# Mine,\n# explained.\ndevice: cpu\n\n# Why.\nprior:\n  # left out\n  source: huggingface\n  model: mine\n\n"
        "# Slowly.\nface:\n  train: {learning_rate: 0.00001, compile: true}\n"
    )
    text = preset_text(own, ["anna", "ben"])
    assert text.startswith("# Mine,\n# explained.\nseed: 0\ndevice: cpu\nrecordings: [anna, ben]\n\ndemo:\n")
    assert "\n\n# Why.\nprior:\n  source: huggingface\n  model: mine\n  prediction: sample\n" in text
    assert "\n\n# The demo's.\nvideo:\n" in text and "left out" not in text and "two CPU cores" not in text
    assert "\n\n# Slowly.\nface:\n" in text
    assert "  train: {steps: 150, batch_size: 16, learning_rate: 0.00001, compile: true}\n\ndecoder:\n" in text
    assert load_preset(own).face.train.learning_rate == 1e-5


def test_nothing_but_a_comment_is_the_demo(own: Path) -> None:
    own.write_text("# Nothing else.\n")
    assert load_preset(own) == load_params(PRESETS / BASE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vido: {size: 128}\n", "unknown key vido; did you mean video?"),
        ("landmarks: {noise: 0.0}\n", "unknown key landmarks.noise; it is now called landmarks.landmark_noise"),
        ("video: {size: 100}\n", "video.size = 100: .*16"),
        ("video: 128\n", "video = 128: .*object"),
        ("video: {size: 48}\n", "video.size 48 does not fit prior.patch"),
        ("- 1\n", "holds no keys; write those that differ"),
        ("video: {size: 128\n", "line 2: not valid YAML"),
    ],
)
def test_mistakes_are_one_line(own: Path, text: str, message: str) -> None:
    own.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        preset_text(own)
    assert str(caught.value).startswith(str(own)) and "\n" not in str(caught.value)


def test_missing_files_are_named(own: Path) -> None:
    with pytest.raises(UserError, match=r"own\.yaml: no such file"):
        load_preset(own)
    own.with_name(BASE).unlink()
    with pytest.raises(UserError, match=r"demo\.yaml: no such file"):
        load_preset(own)
