"""params.yaml: checked as a whole, equal to its preset."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from difftalker.config import Params, load_params, parse_params
from difftalker.errors import UserError

ROOT = Path(__file__).parents[1]
DATA = yaml.safe_load((ROOT / "params.yaml").read_text())


def keys(group: Any, prefix: str = "") -> set[str]:
    """Dotted names of all keys."""
    found: set[str] = set()
    for name, field in group.__pydantic_fields__.items():
        nested = dataclasses.is_dataclass(field.annotation)
        found |= keys(field.annotation, f"{prefix}{name}.") if nested else {prefix + name}
    return found


def changed(key: str, value: Any) -> Any:
    data = copy.deepcopy(DATA)
    *groups, last = key.split(".")
    target = data
    for group in groups:
        target = target[group]
    target[last] = value
    return data


def test_params_equal_the_demo_preset() -> None:
    assert (ROOT / "presets/demo.yaml").read_text() == (ROOT / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("video.colour", 128, "allowed beside it: fps, size"),
        ("colour", 1, "allowed beside it: seed, device, recordings"),
        ("video.size", "large", "integer"),
        ("video.size", 130, "16"),
        ("video.size", 128.5, "integer"),
        ("device", "tpu", "'auto', 'cpu', 'cuda' or 'mps'"),
        ("recordings", [], "1 item"),
        ("recordings", ["a", "a"], "once"),
        ("recordings", ["../up"], "A-Za-z0-9"),
        ("landmarks.heads", 5, "multiple of heads"),
        ("face.train.steps", 0, "greater than 0"),
        ("split.test_fraction", 1.0, "less than 1"),
        ("seed", True, "integer"),
        ("video.size", 144, "multiple of 32"),
        ("face.train.accumulate", 0, "greater than 0"),
        ("face.train.compile", "yes", "boolean"),
        ("prior.model", "", "at least 1 character"),
        ("video", None, "object"),
    ],
)
def test_wrong_value_is_one_line(key: str, value: Any, allowed: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_params(changed(key, value), "mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml: ") and "\n" not in message
    assert (key if key != "landmarks.heads" else "landmarks") in message and allowed in message


def test_groups_that_do_not_fit_are_one_short_line() -> None:
    data = yaml.safe_load((ROOT / "presets/demo.yaml").read_text())
    data["video"]["size"] = 48
    with pytest.raises(UserError) as error:
        parse_params(data)
    assert str(error.value).startswith("params.yaml: video.size 48 does not fit") and len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sede", "seed"),
        ("landmark", "landmarks"),
        ("video.Size", "video.size"),
        ("face.train.stpes", "face.train.steps"),
        ("face.train.lerning_rate", "face.train.learning_rate"),
        ("prior.unet.train.learning-rate", "prior.unet.train.learning_rate"),
        ("weights.sync_net", "weights.syncnet"),
    ],
)
@pytest.mark.parametrize("moved", [True, False], ids=["in its place", "beside it"])
def test_misspelt_key_is_named_with_the_right_one(written: str, meant: str, moved: bool) -> None:
    data = copy.deepcopy(DATA)
    *groups, right = meant.split(".")
    group = data
    for name in groups:
        group = group[name]
    group[written.rpartition(".")[2]] = group.pop(right) if moved else group[right]
    data["split"]["test_fraction"] = 2.0  # another mistake does not come first
    with pytest.raises(UserError) as caught:
        parse_params(data)
    assert str(caught.value) == f"params.yaml: unknown key {written}; did you mean {meant}?"


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("frames.margin", "frames.crop_scale"),
        ("frames.smoothing", "frames.smoothing_seconds"),
        ("detector.smoothing", "detector.smoothing_frames"),
        ("landmarks.audio_path", "landmarks.audio_fusion"),
        ("landmarks.noise", "landmarks.landmark_noise"),
        ("landmarks.sound_noise", "landmarks.audio_noise"),
        ("landmarks.still", "landmarks.resting_share"),
        ("landmarks.opening", "landmarks.opening_weight"),
        ("face.train_decoder", "face.train_unet_decoder"),
        ("decoder.laplacian", "decoder.laplacian_weight"),
        ("decoder.energy", "decoder.energy_weight"),
        ("decoder.adversarial", "decoder.adversarial_weight"),
        ("prior.unet.train.checkpointing", "prior.unet.train.gradient_checkpointing"),
    ],
)
def test_former_key_is_named_with_the_present_one(former: str, now: str) -> None:
    assert now in keys(Params)
    with pytest.raises(UserError) as caught:
        parse_params(changed(former, 0.5))
    assert str(caught.value) == f"params.yaml: unknown key {former}; it is now called {now}"


def test_key_of_another_group_is_named_with_its_place() -> None:
    with pytest.raises(
        UserError, match=r"unknown key landmarks\.ema_decay; did you mean .*landmarks\.train\.ema_decay"
    ):
        parse_params(changed("landmarks.ema_decay", 0.9))


def test_missing_key_is_named() -> None:
    data = copy.deepcopy(DATA)
    del data["prior"]["unet"]["train"]["steps"]
    with pytest.raises(UserError, match=r"prior\.unet\.train\.steps is missing"):
        parse_params(data)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_params(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("seed: 0\nvideo: {fps: 25\n")
    with pytest.raises(UserError, match=r"bad\.yaml, line \d+: not valid YAML"):
        load_params(tmp_path / "bad.yaml")


def test_values_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_params(ROOT / "params.yaml").video.fps = 30.0  # type: ignore[misc]


def test_what_was_removed_is_named() -> None:
    with pytest.raises(UserError, match=r"unknown key landmarks\.warp; allowed beside it: audio_fusion, "):
        parse_params(changed("landmarks.warp", 0.3))
    with pytest.raises(UserError, match=r"audio\.encoder = 'logmel': .*'whisper' or 'deepspeech'"):
        parse_params(changed("audio.encoder", "logmel"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"seed: \xff", "is no UTF-8 text"),
        (b"seed: 2026-02-30", "not valid YAML"),
        (b"a: &a [*a]", "not valid YAML"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "line 2: not valid YAML"),
        (b"seed: " + 3000 * b"[", "not valid YAML"),
        (b"seed: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_yaml_that_is_no_plain_values_is_one_line(tmp_path: Path, text: bytes, said: str) -> None:
    """Aliases unfold to any size; tags would make objects."""
    path = tmp_path / "params.yaml"
    path.write_bytes(text)
    with pytest.raises(UserError, match=said) as error:
        load_params(path)
    assert "\n" not in str(error.value)
