from itertools import pairwise

import numpy as np
import pytest
import torch

from difftalker.painting.diffusion.patch_autoencoder import PatchAutoencoder
from difftalker.painting.diffusion.prior import to_tensor
from tests.painting.small_prior import CPU, SIZE, crops


def test_all_components_reconstruct_exactly() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    whole = PatchAutoencoder(4, 48).fit(noise)
    assert torch.allclose(whole.decode(whole.encode(to_tensor(noise, CPU))), to_tensor(noise, CPU), atol=1e-4)


def test_the_error_is_that_of_principal_components() -> None:
    """Against a singular value decomposition of the same patches."""
    images = np.random.default_rng(0).normal(128, 20, (6, 8, 8, 3)).cumsum(1).astype(np.uint8)
    lower = images[:, 4:].astype(np.float64) / 127.5 - 1
    patches = lower.reshape(6, 1, 4, 2, 4, 3).transpose(0, 1, 3, 5, 2, 4).reshape(12, 48)
    centred = patches - patches.mean(0)
    singular = np.linalg.svd(centred, compute_uv=False)
    fitted = PatchAutoencoder(4, 5).fit(images)
    x = to_tensor(images, CPU)
    error = (fitted.decode(fitted.encode(x)) - x)[:, :, 4:].square().sum()
    assert float(error) == pytest.approx((singular[5:] ** 2).sum(), rel=1e-4)


def test_latents_have_unit_variance_and_fall_in_deviation() -> None:
    fitted = PatchAutoencoder(8, 6).fit(crops())
    latents = fitted.encode(to_tensor(crops(), CPU))[:, :, SIZE // 16 :]
    deviation = latents.std((0, 2, 3))
    assert float(latents.var((0, 2, 3), unbiased=False).mean()) == pytest.approx(1.0, abs=0.05)
    assert all(a >= b - 1e-3 for a, b in pairwise(deviation))


def test_a_latent_knows_its_own_patch_only() -> None:
    fitted = PatchAutoencoder(8, 4).fit(crops())
    images = to_tensor(crops(1), CPU)
    changed = images.clone()
    changed[:, :, 16:] = 0.3
    assert torch.equal(fitted.encode(images)[:, :, :2], fitted.encode(changed)[:, :, :2])


def test_fitting_is_deterministic() -> None:
    one, other = (PatchAutoencoder(8, 4).fit(crops()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.buffers(), other.buffers(), strict=True))
