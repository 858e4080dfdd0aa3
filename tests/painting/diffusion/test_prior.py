import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from difftalker.errors import UserError
from difftalker.painting.diffusion.prior import Prior, to_images, to_tensor
from tests.painting.small_prior import CPU, SIZE, crops, small_prior


def test_images_survive_the_conversion() -> None:
    assert np.array_equal(to_images(to_tensor(crops(2), CPU)), crops(2))


def test_latents_have_the_expected_size() -> None:
    prior = small_prior()
    latents = prior.encode(crops(2))
    assert prior.reduction == 8
    assert latents.shape == (2, 4, SIZE // 8, SIZE // 8) and latents.dtype == np.float32
    assert prior.reconstruct(crops(2)).shape == crops(2).shape


def test_a_saved_prior_is_the_same(tmp_path: Path) -> None:
    prior = small_prior()
    prior.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"vae", "unet", "scheduler", "context.safetensors"}
    again = Prior.load(tmp_path)
    assert again.prediction == "v_prediction"
    assert np.array_equal(again.encode(crops(2)), prior.encode(crops(2)))
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_the_folder_that_a_prior_came_from_leaves_no_trace(tmp_path: Path) -> None:
    small_prior().save(tmp_path / "one")
    for name in ("two", "three"):
        shutil.copytree(tmp_path / "one", tmp_path / f"copy-{name}")
        Prior.load(tmp_path / f"copy-{name}").save(tmp_path / name)
    for file in filter(Path.is_file, (tmp_path / "two").rglob("*")):
        assert file.read_bytes() == (tmp_path / "three" / file.relative_to(tmp_path / "two")).read_bytes(), file.name


def test_the_schedule_is_stable_diffusion_s() -> None:
    alphas = small_prior().scheduler.alphas_cumprod
    assert len(alphas) == 1000
    assert alphas[0] == pytest.approx(1 - 0.00085) and alphas[-1] == pytest.approx(0.00466, abs=1e-4)


@pytest.mark.parametrize("part", ["vae/diffusion_pytorch_model.safetensors", "unet/config.json", "context.safetensors"])
def test_an_incomplete_prior_is_one_clear_error(tmp_path: Path, part: str) -> None:
    small_prior().save(tmp_path)
    (tmp_path / part).unlink()
    with pytest.raises(UserError, match="not a complete prior") as caught:
        Prior.load(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_truncated_weight_file_is_one_clear_error(tmp_path: Path) -> None:
    small_prior().save(tmp_path)
    path = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a complete prior"):
        Prior.load(tmp_path)


def test_a_crop_that_does_not_fit_names_the_key() -> None:
    with pytest.raises(UserError, match=r"video\.size to a multiple of 16"):
        small_prior().encode(np.zeros((1, 40, 40, 3), np.uint8))


def test_stable_diffusion_s_autoencoder_has_the_same_interface(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        latent_channels=4,
        scaling_factor=0.18215,
    )
    prior = small_prior()
    Prior(vae.eval(), prior.unet, prior.scheduler, prior.context).save(tmp_path)
    again = Prior.load(tmp_path)
    latents = again.encode(crops(2))
    assert again.reduction == 8 and latents.shape == (2, 4, SIZE // 8, SIZE // 8)
    with torch.no_grad():
        expected = vae.encode(to_tensor(crops(2), CPU)).latent_dist.mean * 0.18215
    assert np.allclose(latents, expected.numpy(), atol=1e-6)
