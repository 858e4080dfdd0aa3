from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.stable_diffusion import SIZE as SD_SIZE
from difftalker.compute.device import seeded
from difftalker.config import SamplingConfig
from difftalker.errors import UserError
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.stable_diffusion import import_prior
from difftalker.painting.synthesis import Synthesiser
from tests.painting.small_prior import SIZE, small_prior
from tests.painting.tiny_diffusion import write_model

RANDOM = np.random.default_rng(0)
CROPS = RANDOM.integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
POINTS = RANDOM.uniform(0.2, 0.8, (3, 68, 2)).astype(np.float32)
SOUND = RANDOM.normal(size=(3, 16, 29)).astype(np.float32)


def synthesiser(condition: str = "landmarks", seed: int = 0) -> Synthesiser:
    prior = small_prior()
    with seeded(1):
        network = FaceNetwork(prior.unet, prior.reduction, condition=condition)  # type: ignore[arg-type]
    if condition == "landmarks":
        for injection in network.injections:
            torch.nn.init.normal_(injection.to_out.weight, generator=torch.Generator().manual_seed(2))
    return Synthesiser(prior, network.eval(), SamplingConfig(2, 2, seed), torch.device("cpu"))


def test_the_source_s_lower_half_leaves_the_output_unchanged() -> None:
    changed = CROPS.copy()
    changed[:, SIZE // 2 :] = 255 - changed[:, SIZE // 2 :]
    made = synthesiser().paint(CROPS, POINTS, SOUND)
    assert np.array_equal(synthesiser().paint(changed, POINTS, SOUND), made)
    assert not np.array_equal(made, CROPS)


def test_a_reference_decoder_reads_the_diffusion_and_nothing_of_the_source_s_lower_half() -> None:
    plain = synthesiser()
    with seeded(3):
        decoder = ReferenceDecoder(SIZE, 2, 8).eval()
        torch.nn.init.normal_(decoder.conv_out.weight, std=0.1)
    decoder.set_references(CROPS[:2], POINTS[:2])
    painter = Synthesiser(plain.prior, plain.network, plain.config, torch.device("cpu"), decoder)
    changed, other = CROPS.copy(), SamplingConfig(2, 2, 1)
    changed[:, SIZE // 2 :] = 255 - changed[:, SIZE // 2 :]
    made = painter.paint(CROPS, POINTS, SOUND)
    assert np.array_equal(painter.paint(changed, POINTS, SOUND), made)
    assert not np.array_equal(plain.paint(CROPS, POINTS, SOUND), made)
    again = Synthesiser(plain.prior, plain.network, other, torch.device("cpu"), decoder).paint(CROPS, POINTS, SOUND)
    assert not np.array_equal(again[:, SIZE // 2 :], made[:, SIZE // 2 :]), "another noise, another picture"


def test_stable_diffusion_s_autoencoder_lets_nothing_through(tmp_path: Path) -> None:
    """`AutoencoderKL` mixes the whole image, yet a pixel of the source's lower half changes nothing."""
    prior = import_prior(str(write_model(tmp_path / "model", with_text=False)), "", SD_SIZE).float()
    with seeded(1):
        network = FaceNetwork(prior.unet, prior.reduction).eval()
    for injection in network.injections:
        torch.nn.init.normal_(injection.to_out.weight, generator=torch.Generator().manual_seed(2))
    crops = RANDOM.integers(0, 256, (2, SD_SIZE, SD_SIZE, 3), dtype=np.uint8)
    below, above = crops.copy(), crops.copy()
    below[:, SD_SIZE // 2 :] = 255 - below[:, SD_SIZE // 2 :]
    above[:, SD_SIZE // 2 - 1, 5] = 255 - above[:, SD_SIZE // 2 - 1, 5]
    full = prior.encode(crops)
    assert np.abs(full - prior.encode(below))[:, :, :2].max() > 1e-4, "a full frame's upper rows do know the lower half"
    paint = Synthesiser(prior, network, SamplingConfig(2, 2, 0), torch.device("cpu")).paint
    made = paint(crops, POINTS[:2], SOUND[:2])
    assert np.array_equal(paint(below, POINTS[:2], SOUND[:2]), made)
    assert not np.array_equal(paint(above, POINTS[:2], SOUND[:2]), made)


def test_out_of_memory_names_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    one = synthesiser()
    monkeypatch.setattr(one.network, "encode_condition", fail)
    with pytest.raises(UserError, match=r"out of memory.*lower sampling\.batch_size \(now 2\)"):
        one.paint(CROPS, POINTS, SOUND)


def test_frames_with_equal_input_are_equal() -> None:
    """One noise tensor serves all frames: a still face stays still."""
    same = [0, 0, 0]
    made = synthesiser().paint(CROPS[same], POINTS[same], SOUND[same])
    assert np.abs(made[0].astype(int) - made[2]).max() <= 1


def test_the_seed_and_the_landmarks_decide() -> None:
    made = synthesiser().paint(CROPS, POINTS, SOUND)
    assert np.array_equal(synthesiser().paint(CROPS, POINTS, SOUND), made)
    assert not np.array_equal(synthesiser(seed=1).paint(CROPS, POINTS, SOUND), made)
    assert not np.array_equal(synthesiser().paint(CROPS, POINTS[::-1].copy(), SOUND), made)


def test_the_audio_ablation_follows_the_sound_alone() -> None:
    made = synthesiser("audio").paint(CROPS, POINTS, SOUND)
    assert np.array_equal(synthesiser("audio").paint(CROPS, POINTS[::-1].copy(), SOUND), made)
    assert not np.array_equal(synthesiser("audio").paint(CROPS, POINTS, 3 * SOUND), made)


def test_time_is_measured_by_part() -> None:
    one = synthesiser()
    one.paint(CROPS, POINTS, SOUND)
    assert set(one.seconds) == {"encode", "sample", "decode", "composite"} and min(one.seconds.values()) > 0
