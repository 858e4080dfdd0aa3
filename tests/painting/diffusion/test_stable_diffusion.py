"""Import of Stable Diffusion: from a folder, from a hub on the loopback, and everything that can be wrong with it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from benchmarks.stable_diffusion import SD_UNET, SD_VAE, SIZE, TINY_UNET, WIDTH
from difftalker.errors import UserError
from difftalker.painting.diffusion.compatibility import check_parts, check_size
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.diffusion.stable_diffusion import import_prior
from tests.painting.tiny_diffusion import TOKENS, write_context, write_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "someone/model"
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Models with (True) and without a text encoder, to be copied."""
    folder = tmp_path_factory.mktemp("models")
    found = {False: write_model(folder / "plain", with_text=False)}
    if importlib.util.find_spec("transformers") is not None:
        found[True] = write_model(folder / "text")
    return found


@pytest.fixture
def model(originals: dict[bool, Path], tmp_path: Path) -> Path:
    return shutil.copytree(originals[False], tmp_path / "model")


@pytest.fixture
def with_text(originals: dict[bool, Path], tmp_path: Path) -> Path:
    pytest.importorskip("transformers")
    return shutil.copytree(originals[True], tmp_path / "model")


def load(model: Path | str, size: int = SIZE) -> Prior:
    return import_prior(str(model), COMMIT, size)


def error_of(model: Path | str, size: int = SIZE) -> str:
    with pytest.raises(UserError) as caught:
        load(model, size)
    message = str(caught.value)
    assert "\n" not in message
    return message


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_the_imported_prior_is_the_model_s(model: Path, tmp_path: Path) -> None:
    prior = load(model)
    assert prior.prediction == "epsilon" and prior.reduction == 8 and prior.latent_channels == 4
    assert len(prior.scheduler.alphas_cumprod) == 1000
    assert prior.scheduler.alphas_cumprod[0] == pytest.approx(1 - 0.00085)
    assert prior.scheduler.alphas_cumprod[-1] == pytest.approx(0.00466, abs=1e-4)
    assert prior.vae.config.scaling_factor == 0.18215
    assert torch.equal(prior.context, load_file(model / "context.safetensors")["context"])
    assert not any(parameter.requires_grad for parameter in prior.parameters())
    prior.save(tmp_path / "prior")
    again = Prior.load(tmp_path / "prior")
    original = UNet2DConditionModel.from_pretrained(model / "unet")
    for name, value in original.state_dict().items():
        found = again.unet.state_dict()[name]
        assert found.dtype == torch.float32 and torch.equal(found, value.half().float())


def test_an_imported_prior_looks_like_a_small_one(model: Path, tmp_path: Path) -> None:
    load(model).save(tmp_path / "prior")
    files = {path.relative_to(tmp_path / "prior").as_posix() for path in (tmp_path / "prior").rglob("*.*")}
    assert files == {
        "vae/config.json",
        f"vae/{WEIGHTS}",
        "unet/config.json",
        f"unet/{WEIGHTS}",
        "scheduler/scheduler_config.json",
        "context.safetensors",
    }
    half = (tmp_path / "prior/unet" / WEIGHTS).stat().st_size
    assert half < 0.7 * (model / "unet" / WEIGHTS).stat().st_size, "stored in float16"


def test_the_empty_prompt_is_the_text_encoder_s(with_text: Path) -> None:
    from transformers import CLIPTextModel

    begin, end = 188, 189  # places of the two special tokens in the vocabulary
    ids = torch.tensor([[begin] + [end] * (TOKENS - 1)])
    with torch.no_grad():
        expected = CLIPTextModel.from_pretrained(with_text / "text_encoder").eval()(ids).last_hidden_state
    context = load(with_text).context
    assert context.shape == (1, TOKENS, WIDTH) and context.dtype == torch.float32
    assert torch.allclose(context, expected, atol=1e-6)


def test_weights_in_the_names_of_the_published_files(with_text: Path) -> None:
    """Stable Diffusion 1.5 was saved with older names of attention weights, and a prefix in the text encoder."""
    expected = load(with_text)
    path = with_text / "vae" / WEIGHTS
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = load_file(path)
    for new, name in old.items():
        weights = {key.replace(new, name) if "attentions" in key else key: value for key, value in weights.items()}
    assert any("proj_attn" in key for key in weights)
    save_file(weights, path, {"format": "pt"})
    path = with_text / "text_encoder/model.safetensors"
    text = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in load_file(path).items()}
    text["text_model.embeddings.position_ids"] = torch.arange(TOKENS)[None]
    save_file(text, path, {"format": "pt"})
    found = load(with_text)
    assert same(found.vae, expected.vae) and torch.equal(found.context, expected.context)


def test_half_precision_files_are_taken_where_all_are_there(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", with_text=False, variant="fp16")
    assert load(folder).unet.dtype == torch.float16


def test_without_the_text_package_the_error_says_what_to_install(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (model / "context.safetensors").unlink()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'difftalker[sd]'" in error_of(model)


def test_a_text_encoder_of_another_model(with_text: Path) -> None:
    change(with_text / "unet/config.json", cross_attention_dim=2 * WIDTH)
    assert f"context is {WIDTH} wide, the UNet reads {2 * WIDTH}" in error_of(with_text)


def test_a_damaged_text_encoder(with_text: Path) -> None:
    path = with_text / "text_encoder/model.safetensors"
    whole = {key: value.clone() for key, value in load_file(path).items()}  # not mapped to the file
    path.write_bytes(path.read_bytes()[:200])
    assert "text encoder cannot be read" in error_of(with_text)
    save_file({key: value for key, value in whole.items() if "layers.1" not in key}, path, {"format": "pt"})
    assert "text encoder cannot be read (lacks " in error_of(with_text)


@pytest.mark.parametrize("size", [96, 72, 32])
def test_a_crop_size_that_does_not_fit(model: Path, size: int) -> None:
    (model / "unet" / WEIGHTS).unlink()  # found before any weight is read
    message = error_of(model, size)
    assert message.startswith(f"video.size = {size}: ") and "multiple of 64" in message


@pytest.mark.parametrize(
    ("part", "damage", "expected"),
    [
        ("vae/config.json", "missing", "vae/config.json is missing"),
        ("unet/config.json", "truncated", "not valid JSON"),
        ("scheduler/scheduler_config.json", "missing", "scheduler/scheduler_config.json is missing"),
        (f"unet/{WEIGHTS}", "missing", "not a whole model"),
        (f"vae/{WEIGHTS}", "truncated", "not a whole model"),
        ("context.safetensors", "truncated", "context.safetensors cannot be read"),
    ],
)
def test_an_incomplete_model(model: Path, part: str, damage: str, expected: str) -> None:
    path = model / part
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:60])
    message = error_of(model)
    assert expected in message and str(model) in message


@pytest.mark.parametrize(
    ("part", "values", "expected"),
    [
        ("unet", {"_class_name": "FluxTransformer2DModel"}, "not AutoencoderKL and UNet2DConditionModel"),
        ("vae", {"_class_name": "AutoencoderTiny"}, "holds AutoencoderTiny"),
        ("unet", {"in_channels": 9}, "in_channels is 9 and the autoencoder has 4"),
        ("unet", {"addition_embed_type": "text_time"}, "addition_embed_type = text_time"),
        ("unet", {"down_block_types": ["SimpleCrossAttnDownBlock2D"] * 4}, "SimpleCrossAttnDownBlock2D"),
        ("vae", {"shift_factor": 0.1}, "shift_factor = 0.1"),
        ("unet", {"block_out_channels": [8, 8, 16, 24]}, "not a whole model"),
        ("unet", {"layers_per_block": 2}, "not a whole model"),
        ("vae", {"mid_block_add_attention": False}, "of another architecture than its config.json, must not have"),
    ],
)
def test_another_architecture(model: Path, part: str, values: dict[str, object], expected: str) -> None:
    change(model / part / "config.json", **values)
    message = error_of(model)
    assert expected in message and str(model) in message


def test_a_weight_that_is_missing_is_not_made_up(model: Path) -> None:
    path = model / "unet" / WEIGHTS
    save_file({key: v for key, v in load_file(path).items() if key != "conv_in.bias"}, path, {"format": "pt"})
    assert "unet: of another architecture than its config.json, lacks conv_in.bias" in error_of(model)


@pytest.mark.parametrize(
    ("values", "expected"), [({"prediction_type": "flow"}, "predict flow"), ({"rescale_betas_zero_snr": True}, "pure")]
)
def test_a_schedule_that_cannot_be_sampled(model: Path, values: dict[str, object], expected: str) -> None:
    change(model / "scheduler/scheduler_config.json", **values)
    assert expected in error_of(model)


def test_a_context_of_another_width(model: Path) -> None:
    write_context(model, width=WIDTH + 8)
    assert f"context is {WIDTH + 8} wide" in error_of(model)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "no such folder" in error_of(tmp_path / "nothing")


def test_a_prior_folder_of_another_architecture(model: Path, tmp_path: Path) -> None:
    """What later stages read is checked in the same way."""
    load(model).save(tmp_path / "prior")
    change(tmp_path / "prior/unet/config.json", in_channels=9)
    with pytest.raises(UserError, match="in_channels is 9"):
        Prior.load(tmp_path / "prior")
    change(tmp_path / "prior/unet/config.json", in_channels=4, layers_per_block=2)
    with pytest.raises(UserError, match=r"not a complete prior .*run `dvc repro build_prior`"):
        Prior.load(tmp_path / "prior")


class Hub(SimpleHTTPRequestHandler):
    """As much of the hub's interface as a download of one repository takes."""

    seen: list[str]

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, with_body: bool) -> None:
        folder = Path(self.directory)
        path = self.path.split("?")[0]
        resolve = f"/{NAME}/resolve/{COMMIT}/"
        if path == f"/api/models/{NAME}/tree/{COMMIT}":
            files = sorted(file for file in folder.rglob("*") if file.is_file())
            entries = [
                {"type": "file", "path": f.relative_to(folder).as_posix(), "size": f.stat().st_size, "oid": "0" * 40}
                for f in files
            ]
            return self._send(json.dumps(entries).encode(), with_body, "application/json")
        if path.startswith(resolve) and (folder / path.removeprefix(resolve)).is_file():
            if with_body:
                self.seen.append(path.removeprefix(resolve))
            return self._send((folder / path.removeprefix(resolve)).read_bytes(), with_body)
        self.send_error(404)
        return None

    def _send(self, body: bytes, with_body: bool, kind: str = "application/octet-stream") -> None:
        self.send_response(200)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("ETag", f'"{hash(body):x}"'),
            ("X-Repo-Commit", COMMIT),
        ):
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def use_hub(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment decides when the hub's client is imported."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)  # between retries


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[str]]]:
    """A hub with one empty repository: its folder, and the files that were fetched."""
    folder, seen = tmp_path / "repository", []
    folder.mkdir()
    handler = type("OneHub", (Hub,), {"seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    use_hub(f"http://127.0.0.1:{server.server_port}", tmp_path, monkeypatch)
    yield folder, seen
    server.shutdown()
    server.server_close()


def test_from_the_hub_and_again_without_it(
    hub: tuple[Path, list[str]], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository, seen = hub
    shutil.copytree(model, repository, dirs_exist_ok=True)
    (repository / "unet/diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (repository / "model.py").write_text("raise SystemExit")
    first = load(NAME)
    assert set(seen) == {
        "vae/config.json",
        "unet/config.json",
        "scheduler/scheduler_config.json",
        "context.safetensors",
        f"vae/{WEIGHTS}",
        f"unet/{WEIGHTS}",
    }
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fetched = len(seen)
    assert same(load(NAME).unet, first.unet)
    assert len(seen) == fetched


def test_the_hub_s_half_precision_files_are_preferred(hub: tuple[Path, list[str]]) -> None:
    repository, seen = hub
    repository.rmdir()
    write_model(repository, with_text=False, variant="fp16")
    for part in ("unet", "vae"):
        (repository / part / WEIGHTS).write_bytes(b"never read")
    load(NAME)
    assert f"unet/{WEIGHTS}" not in seen and "unet/diffusion_pytorch_model.fp16.safetensors" in seen


def test_a_wrong_model_of_the_hub_is_refused_before_its_weights_are_fetched(
    hub: tuple[Path, list[str]], model: Path
) -> None:
    repository, seen = hub
    shutil.copytree(model, repository, dirs_exist_ok=True)
    change(repository / "unet/config.json", in_channels=9)
    assert "in_channels is 9" in error_of(NAME)
    change(repository / "unet/config.json", in_channels=4)
    assert not [name for name in seen if name.endswith(WEIGHTS)]


def test_a_hub_model_without_safetensors(hub: tuple[Path, list[str]], model: Path) -> None:
    repository, _ = hub
    shutil.copytree(model, repository, dirs_exist_ok=True)
    (repository / "unet" / WEIGHTS).unlink()
    assert f"has no unet/{WEIGHTS}" in error_of(NAME)


def test_an_unknown_hub_id(hub: tuple[Path, list[str]]) -> None:
    message = error_of("someone/else")
    assert "cannot be fetched from the hub" in message and "someone/else" in message


def test_a_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_hub("http://127.0.0.1:9", tmp_path, monkeypatch)
    message = error_of(NAME)
    assert "cannot be fetched from the hub" in message and "set prior.model to its folder" in message
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "cannot be fetched from the hub" in error_of(NAME)


def test_the_full_size_network() -> None:
    """Stable Diffusion 1.5 itself, without memory for its weights."""
    with torch.device("meta"):
        unet, vae = UNet2DConditionModel(**SD_UNET), AutoencoderKL(**SD_VAE)
        network = FaceNetwork(unet, 8).to("meta")  # transformers, once used, makes torch.linspace give CPU tensors
        assert sum(parameter.numel() for parameter in unet.parameters()) == 859_520_964
        assert sum(parameter.numel() for parameter in vae.parameters()) == 83_653_863
        check_parts(json.loads(vae.to_json_string()), json.loads(unet.to_json_string()), "SD 1.5")
        check_size(512, vae.config, unet.config, "SD 1.5")
        latents = torch.empty(2, 4, 64, 64)
        conditions = network.encode_condition(latents, torch.empty(2, 5, 512, 512), torch.empty(1, 77, 768))
        assert [tuple(feature.shape) for feature in conditions["features"]] == [
            *[(2, 320, 64, 64)] * 3,
            (2, 320, 32, 32),
            *[(2, 640, 32, 32)] * 2,
            (2, 640, 16, 16),
            *[(2, 1280, 16, 16)] * 2,
            *[(2, 1280, 8, 8)] * 3,
        ]
        assert network(latents, torch.zeros(2, dtype=torch.long), conditions).shape == latents.shape
    assert not any(parameter.requires_grad for parameter in unet.parameters())
    trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    copied = unet.config.block_out_channels  # the branch is the encoder, copied, and convolutions for the raster
    encoder = sum(
        p.numel() for part in (unet.conv_in, unet.down_blocks, unet.time_embedding) for p in part.parameters()
    )
    raster = sum(p.numel() for p in network.branch.raster_in.parameters())
    injections = sum(p.numel() for p in network.injections.parameters())
    assert trained == encoder + raster + injections and len(network.injections) == 3 * len(copied)


def test_the_tiny_network_has_the_full_size_s_blocks() -> None:
    assert [TINY_UNET[key] for key in ("down_block_types", "up_block_types")] == [
        SD_UNET[key] for key in ("down_block_types", "up_block_types")
    ]
