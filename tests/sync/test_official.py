"""The published SyncNet: its size, its protocol, and every file that is not its weights."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import python_speech_features
import torch
from torch import nn

from difftalker.compute.device import seeded
from difftalker.errors import UserError
from difftalker.sync.experts import load_sync_expert
from difftalker.sync.lse import LseScorer, sync_distances
from difftalker.sync.official import OfficialSyncNet, read_published

PUBLISHED = {"lips": "netcnnlip", "lip_head": "netfclip", "sound": "netcnnaud", "sound_head": "netfcaud"}


@pytest.fixture(scope="module")
def model() -> OfficialSyncNet:
    """Random weights, with the statistics of normalisation far from their start."""
    with seeded(0):
        network = OfficialSyncNet()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                module.running_mean.uniform_(-0.5, 0.5)
                module.running_var.uniform_(0.5, 2)
    return network.eval()


def published_state(model: OfficialSyncNet) -> dict[str, torch.Tensor]:
    """The weights under the names of the published file, which has no counters of batches."""
    found = {}
    for name, value in model.state_dict().items():
        prefix, rest = name.split(".", 1)
        if not rest.endswith("num_batches_tracked"):
            found[f"{PUBLISHED[prefix]}.{rest}"] = value.clone()
    return found


@pytest.fixture
def published(model: OfficialSyncNet, tmp_path: Path) -> Path:
    """As the published file: a state dict in the old format of torch."""
    path = tmp_path / "syncnet_v2.model"
    torch.save(published_state(model), path, _use_new_zipfile_serialization=False)
    return path


def faces(count: int, side: int = 224) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def speech(frames: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-8000, 8000, frames * 640).astype(np.int16)


def test_parameters(model: OfficialSyncNet) -> None:
    assert sum(parameter.numel() for parameter in model.parameters()) == 13_631_616


def test_shapes_of_the_layers(model: OfficialSyncNet) -> None:
    """Side lengths by hand: 224 -> 109 -> 54 -> 26 -> 13 -> 6 -> 1, and 13 x 20 -> 11 x 9 -> 5 x 4 -> 1."""
    sides: dict[str, list[tuple[int, ...]]] = {"lips": [], "sound": []}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: sides[name].append(tuple(out.shape[-2:])))
        for name in sides
        for module in getattr(model, name)
    ]
    model.embed_video(faces(5))
    model.embed_audio(speech(6))
    for hook in hooks:
        hook.remove()
    assert list(dict.fromkeys(sides["lips"])) == [(109, 109), (54, 54), (26, 26), (13, 13), (6, 6), (1, 1)]
    assert list(dict.fromkeys(sides["sound"])) == [(13, 20), (11, 9), (5, 4), (1, 1)]


@pytest.mark.parametrize(("frames", "video", "audio"), [(4, 0, 0), (5, 1, 0), (6, 2, 1), (9, 5, 4)])
def test_windows(model: OfficialSyncNet, frames: int, video: int, audio: int) -> None:
    assert model.embed_video(faces(frames)).shape == (video, 1024)
    assert model.embed_audio(speech(frames)).shape == (audio, 1024)


def test_protocol_against_a_plain_loop(model: OfficialSyncNet) -> None:
    """As the published evaluation: stacks of five BGR frames, slices of the MFCC matrix, one window at a time."""
    frames, sound = faces(9), speech(9)
    film = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in frames], axis=3)[None]
    film = torch.from_numpy(np.transpose(film, (0, 3, 4, 1, 2)).astype(float)).float()  # (1, 3, t, h, w)
    cepstra = np.stack([np.array(row) for row in zip(*python_speech_features.mfcc(sound, 16_000), strict=True)])
    cepstra = torch.from_numpy(cepstra[None, None].astype(float)).float()  # (1, 1, 13, rows)
    lips, sounds = [], []
    with torch.no_grad():
        for v in range(len(frames) - 5):
            lips.append(model.lip_head(model.lips(film[:, :, v : v + 5]).flatten(1)))
            sounds.append(model.sound_head(model.sound(cepstra[..., 4 * v : 4 * v + 20]).flatten(1)))
    video, audio = model.embed_video(frames)[:-1], model.embed_audio(sound)
    np.testing.assert_allclose(video, torch.cat(lips), atol=1e-4)
    np.testing.assert_allclose(audio, torch.cat(sounds), atol=1e-4)
    padded = nn.functional.pad(torch.cat(sounds), (0, 0, 15, 15))
    distances = [nn.functional.pairwise_distance(lip.repeat(31, 1), padded[i : i + 31]) for i, lip in enumerate(lips)]
    np.testing.assert_allclose(sync_distances(video, audio), torch.stack(distances), rtol=1e-4)


def test_batches_do_not_matter(model: OfficialSyncNet, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, sound = faces(12), speech(40)
    whole = model.embed_video(frames), model.embed_audio(sound)
    for size in (1, 3):
        monkeypatch.setattr("difftalker.sync.official._BATCH", size)
        np.testing.assert_allclose(model.embed_video(frames), whole[0], atol=1e-5)
        np.testing.assert_allclose(model.embed_audio(sound[: 640 * 12]), whole[1][:7], atol=1e-5)


def test_other_sizes_are_resized(model: OfficialSyncNet) -> None:
    small = faces(5, 96)
    large = np.stack([cv2.resize(frame, (224, 224)) for frame in small])
    np.testing.assert_array_equal(model.embed_video(small), model.embed_video(large))


class SameSound:
    """The lips' embedding is the sound network's, of a sound that is written into the pictures: truly in sync.

    Embeddings are centred: with random weights all sounds lie near each other and far from the padding's zeros, as
    those of a trained network do not.
    """

    def __init__(self, model: OfficialSyncNet) -> None:
        self.model = model
        self.middle = model.embed_audio(speech(40)).mean(0)

    def embed_audio(self, samples: np.ndarray) -> np.ndarray:
        return self.model.embed_audio(samples) - self.middle

    def embed_video(self, frames: np.ndarray) -> np.ndarray:
        return self.embed_audio(np.concatenate([frame_sound(frame) for frame in frames]))


def frame_sound(frame: np.ndarray) -> np.ndarray:
    return np.random.default_rng(int(frame[0, 0, 0])).integers(-9000, 9000, 640).astype(np.int16)


@pytest.mark.parametrize("shift", [-9, -1, 0, 4, 11])
def test_shifting_the_sound_shifts_the_offset(model: OfficialSyncNet, shift: int) -> None:
    expert = SameSound(model)
    clip = np.broadcast_to(np.arange(20, 90, dtype=np.uint8)[:, None, None, None], (70, 8, 8, 3))
    sound = np.concatenate([frame_sound(frame) for frame in np.roll(clip, shift, axis=0)])
    scorer = LseScorer(expert, [slice(0, 40)], [expert.embed_audio(sound[640 * 15 : 640 * 55])])
    scorer.add(slice(0, 40), clip[15:55])
    means = scorer.means()
    assert means["sync_offset"] == -shift  # sound that is late is a picture that is early
    assert means["lse_c"] > 0
    if shift == 0:
        assert means["lse_d"] < 0.01  # windows are the same but for the clip's last row, which no window reaches


def test_published_file_becomes_a_model_folder(model: OfficialSyncNet, published: Path, tmp_path: Path) -> None:
    read_published(published).save(tmp_path / "syncnet")
    assert {path.name for path in (tmp_path / "syncnet").iterdir()} == {"config.json", "model.safetensors"}
    loaded = load_sync_expert(tmp_path / "syncnet")
    assert isinstance(loaded, OfficialSyncNet) and not loaded.training
    np.testing.assert_array_equal(loaded.embed_video(faces(5)), model.embed_video(faces(5)))
    np.testing.assert_array_equal(loaded.embed_audio(speech(7)), model.embed_audio(speech(7)))


def test_a_file_with_counters_is_read_too(model: OfficialSyncNet, tmp_path: Path) -> None:
    state = published_state(model) | {"netcnnlip.1.num_batches_tracked": torch.tensor(7)}
    torch.save(state, tmp_path / "new.model")
    assert torch.equal(read_published(tmp_path / "new.model").lips[0].weight, model.lips[0].weight)


class Unwelcome:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


def _cut(path: Path, _: OfficialSyncNet) -> None:
    path.write_bytes(path.read_bytes()[:-100_000])


def _other_shape(path: Path, model: OfficialSyncNet) -> None:
    torch.save(published_state(model) | {"netfclip.3.weight": torch.zeros(256, 512)}, path)


def _missing_tensor(path: Path, model: OfficialSyncNet) -> None:
    state = published_state(model)
    del state["netcnnaud.0.bias"]
    torch.save(state, path)


BAD_FILES: dict[str, tuple[Callable[[Path, OfficialSyncNet], object], str]] = {
    "missing": (lambda path, _: path.unlink(), "no such file; run `difftalker weights fetch syncnet`"),
    "empty": (lambda path, _: path.write_bytes(b""), "cut off or damaged"),
    "truncated": (_cut, "cut off or damaged"),
    "a web page": (lambda path, _: path.write_text("<html>not found</html>"), "holds more than tensors, or no tensors"),
    "a pickle that runs code": (lambda path, _: path.write_bytes(pickle.dumps(Unwelcome())), "for safety"),
    "a torch pickle that runs code": (lambda path, _: torch.save({"a": Unwelcome()}, path), "for safety"),
    "a whole module": (lambda path, model: torch.save(model, path), "for safety"),
    "a list": (lambda path, _: torch.save([torch.zeros(3)], path), "no table of tensors"),
    "another network": (lambda path, _: torch.save(nn.Linear(2, 2).state_dict(), path), "tensor .* is unknown"),
    "another width": (_other_shape, r"tensor lip_head.3.weight is of shape \(256, 512\)"),
    "a missing tensor": (_missing_tensor, r"tensor sound.0.bias is missing"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_what_is_not_the_weights_is_one_clear_line(published: Path, model: OfficialSyncNet, kind: str) -> None:
    spoil, message = BAD_FILES[kind]
    spoil(published, model)
    with pytest.raises(UserError, match=message) as caught:
        read_published(published)
    assert str(published) in str(caught.value) and "\n" not in str(caught.value)
