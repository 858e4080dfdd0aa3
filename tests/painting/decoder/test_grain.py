"""Grain: measured where it is missing, the same for the same picture, and nothing where the footage has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from difftalker.painting.decoder.grain import grain, grain_strength
from difftalker.painting.decoder.network import ReferenceDecoder


def triples(deviation: float, seed: int) -> np.ndarray:
    """Still pictures, each with white noise of its own, the same for all colours: (16, 3, 24, 24, 3) uint8."""
    random = np.random.default_rng(seed)
    still = random.integers(60, 190, (16, 1, 24, 24, 1))
    return np.rint(still + deviation * random.normal(size=(16, 3, 24, 24, 1))).astype(np.uint8).repeat(3, axis=-1)


INSIDE = np.ones((16, 24, 24), bool)


@pytest.mark.parametrize(("true", "painted", "missing"), [(5.0, 0.0, 5.0), (5.0, 3.0, 4.0), (3.0, 5.0, 0.0)])
def test_what_is_missing_is_measured(true: float, painted: float, missing: float) -> None:
    found = grain_strength(triples(true, 0), triples(painted, 1), INSIDE)
    assert found == pytest.approx(0.85 * missing, rel=0.05, abs=0.01)


def test_nothing_inside() -> None:
    assert grain_strength(triples(5.0, 0), triples(0.0, 1), ~INSIDE) == 0.0


def test_noise_has_unit_deviation_and_belongs_to_its_picture() -> None:
    upper = np.random.default_rng(0).integers(0, 256, (3, 32, 64, 3), dtype=np.uint8)
    noise = grain(upper, (40, 64))
    assert noise.shape == (3, 1, 40, 64) and float(noise.std()) == pytest.approx(1.0, rel=0.05)
    assert torch.equal(grain(upper[1:2], (40, 64)), noise[1:2]), "in any batch"
    assert abs(float(torch.corrcoef(noise.flatten(1))[0, 1])) < 0.1, "another picture, other noise"


def test_a_network_without_measured_grain_adds_none() -> None:
    network = ReferenceDecoder(64, 2, 8)
    painted = torch.zeros(1, 3, network.height, 64)
    crops = np.zeros((1, 64, 64, 3), np.uint8)
    assert network.add_grain(painted, crops) is painted
    network.grain_strength.fill_(2.0)
    assert float(network.add_grain(painted, crops).std()) * 127.5 == pytest.approx(2.0, rel=0.1)
    other = crops.copy()
    other[:, 32:] = 200
    assert torch.equal(network.add_grain(painted, other), network.add_grain(painted, crops)), "no leak from below"
