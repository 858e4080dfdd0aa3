"""The reference decoder: what it reads, what it gives before training, and its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from difftalker.compute.device import seeded
from difftalker.errors import UserError
from difftalker.painting.decoder.network import ReferenceDecoder, load_decoder, painted_rows, save_prior_decoder
from tests.painting.decoder.test_warp import face

SIZE = 64
RANDOM = np.random.default_rng(0)
CROPS = RANDOM.integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
POINTS = face(3).numpy().astype(np.float32)


def decoder(trained: bool = True) -> ReferenceDecoder:
    """A small one; `trained`: its last layer does something."""
    with seeded(0):
        network = ReferenceDecoder(SIZE, 2, 8)
        if trained:
            torch.nn.init.normal_(network.conv_out.weight, std=0.1)
    network.set_references(CROPS[:2], POINTS[:2])
    return network.eval()


def generated(network: ReferenceDecoder) -> torch.Tensor:
    return torch.zeros(3, 3, network.height, SIZE)


@pytest.mark.parametrize(("size", "rows"), [(64, 48), (96, 64), (128, 80), (256, 160), (512, 320)])
def test_painted_rows_hold_the_lower_half_and_fit_the_network(size: int, rows: int) -> None:
    assert painted_rows(size) == rows
    assert rows % 16 == 0 and size / 2 < rows <= size


def test_before_training_it_paints_what_references_with_a_like_mouth_show() -> None:
    network = decoder(trained=False)
    upper, raster, references, _ = network.inputs_of(CROPS, POINTS)
    with torch.no_grad():
        alike = network(generated(network), upper, raster, references, torch.zeros(3, 2))
        second = network(generated(network), upper, raster, references, torch.tensor([[9.0, 0.0]]).expand(3, -1))
    assert torch.allclose(alike, references.mean(dim=1), atol=1e-6)
    assert torch.allclose(second, references[:, 1], atol=1e-6)


def test_the_source_s_lower_half_is_not_read() -> None:
    network = decoder()
    below, above = CROPS.copy(), CROPS.copy()
    below[:, SIZE // 2 :] = 255 - below[:, SIZE // 2 :]
    above[:, SIZE // 2 - 1] = 255 - above[:, SIZE // 2 - 1]
    with torch.no_grad():
        made, same, other = (
            network(generated(network), *network.inputs_of(crops, POINTS)) for crops in (CROPS, below, above)
        )
    assert torch.equal(made, same)
    assert not torch.equal(made, other)


def test_references_travel_with_the_weights(tmp_path: Path) -> None:
    network = decoder()
    network.save(tmp_path)
    read = load_decoder(tmp_path)
    assert read is not None
    assert torch.equal(read.reference_images, network.reference_images)
    with torch.no_grad():
        made, again = (one(generated(one), *one.inputs_of(CROPS, POINTS)) for one in (network, read))
    assert torch.equal(made, again)


def test_the_prior_s_own_decoder_is_named_and_nothing_else_passes_for_it(tmp_path: Path) -> None:
    save_prior_decoder(tmp_path / "prior")
    assert load_decoder(tmp_path / "prior") is None
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no such file"):
        load_decoder(tmp_path / "empty")
    decoder().save(tmp_path / "damaged")
    weights = tmp_path / "damaged/model.safetensors"
    arrays = load_file(weights)
    del arrays["conv_in.weight"]
    save_file(arrays, weights)
    with pytest.raises(UserError, match=r"conv_in|cannot be loaded"):
        load_decoder(tmp_path / "damaged")
