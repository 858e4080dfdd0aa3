"""The published SyncNet (Chung and Zisserman, 2016): the network of joonson/syncnet_python and its weights.

Five frames of 224 x 224 pixels (BGR, values 0 to 255) on one side, 20 rows of 13 MFCC (0.2 s) on the other, 1024
numbers for each. It is made for 25 frames per second. Whoever shows a figure of it names the crop rule as well: see
`difftalker.sync.crop_rules`.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from difftalker.audio.mel import mfcc
from difftalker.errors import UserError
from difftalker.media.wav import AUDIO_RATE
from difftalker.model_folder import save_weights
from difftalker.sync.lse import WINDOW_FRAMES

OFFICIAL_FPS = 25.0
OFFICIAL_SIDE = 224  # pixels
OFFICIAL_COEFFICIENTS = 13
OFFICIAL_ROWS = 20  # of MFCC in a window; four to a frame
OFFICIAL_EMBEDDING = 1024

_ROWS_PER_FRAME = 4
_BATCH = 32  # windows at a time: the first layers of 32 windows take half a gigabyte
_PREFIXES = {"netcnnlip": "lips", "netfclip": "lip_head", "netcnnaud": "sound", "netfcaud": "sound_head"}


class OfficialSyncNet(nn.Module):
    """The two networks, with random weights; 13,631,616 parameters."""

    title = "the published SyncNet (syncnet_v2)"

    def __init__(self) -> None:
        super().__init__()
        self.fps = OFFICIAL_FPS
        self.lips = nn.Sequential(  # (3, 5, 224, 224)
            *_layer(nn.Conv3d(3, 96, (5, 7, 7), (1, 2, 2))),  # (96, 1, 109, 109)
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer(nn.Conv3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1))),  # (256, 1, 26, 26)
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),  # (256, 1, 13, 13)
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer(nn.Conv3d(256, 512, (1, 6, 6))),  # (512, 1, 1, 1)
        )
        self.sound = nn.Sequential(  # (1, 13, 20)
            *_layer(nn.Conv2d(1, 64, 3, padding=1)),
            nn.Identity(),  # a pooling over single values in the published network: it keeps the layers' numbers
            *_layer(nn.Conv2d(64, 192, 3, padding=1)),
            nn.MaxPool2d(3, (1, 2)),  # (192, 11, 9)
            *_layer(nn.Conv2d(192, 384, 3, padding=1)),
            *_layer(nn.Conv2d(384, 256, 3, padding=1)),
            *_layer(nn.Conv2d(256, 256, 3, padding=1)),
            nn.MaxPool2d(3, 2),  # (256, 5, 4)
            *_layer(nn.Conv2d(256, 512, (5, 4))),  # (512, 1, 1)
        )
        self.lip_head = _head()
        self.sound_head = _head()

    def lip_vectors(self, frames: Tensor) -> Tensor:
        """Embed every window of successive frames.

        Nothing after the first convolution reaches across time, so a run of frames goes through as one film.

        Args:
            frames: (t, 3, 224, 224) BGR, values 0-255, t >= 5.

        Returns:
            (t - 4, 1024).
        """
        film = frames.float().transpose(0, 1)[None]  # (1, 3, t, 224, 224)
        features = self.lips(film)[0, :, :, 0, 0]  # (512, t - 4)
        return self.lip_head(features.T)

    def sound_vectors(self, windows: Tensor) -> Tensor:
        """MFCC windows (b, 13, 20) -> (b, 1024)."""
        return self.sound_head(self.sound(windows[:, None]).flatten(1))

    @torch.no_grad()
    def embed_video(self, frames: np.ndarray) -> np.ndarray:
        """See `SyncExpert.embed_video`: (t - 4, 1024). Frames of another size are resized (bilinear, as published)."""
        device = next(self.parameters()).device
        parts = [np.zeros((0, OFFICIAL_EMBEDDING), np.float32)]
        for start in range(0, len(frames) - WINDOW_FRAMES + 1, _BATCH):
            piece = _bgr(frames[start : start + _BATCH + WINDOW_FRAMES - 1])
            parts.append(self.lip_vectors(piece.to(device)).float().cpu().numpy())
        return np.concatenate(parts)

    @torch.no_grad()
    def embed_audio(self, samples: np.ndarray) -> np.ndarray:
        """See `SyncExpert.embed_audio`: (t - 5, 1024) for the sound of t frames; window v begins at MFCC row 4 v."""
        count = max(0, len(samples) * round(OFFICIAL_FPS) // AUDIO_RATE - WINDOW_FRAMES)
        device = next(self.parameters()).device
        parts = [np.zeros((0, OFFICIAL_EMBEDDING), np.float32)]
        if count:
            rows = torch.from_numpy(mfcc(samples, OFFICIAL_COEFFICIENTS)).float()  # (4 t - 1, 13)
            windows = rows.unfold(0, OFFICIAL_ROWS, _ROWS_PER_FRAME)[:count]  # (t - 5, 13, 20)
            parts += [self.sound_vectors(part.to(device)).float().cpu().numpy() for part in windows.split(_BATCH)]
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors` into `folder`."""
        save_weights(self, folder, {"expert": "official"})


def read_published(path: Path) -> OfficialSyncNet:
    """Read the published file `syncnet_v2.model`, a state dict that `torch.save` wrote; nothing in it is executed.

    Returns:
        The network in eval mode.

    Raises:
        UserError: the file is missing or damaged, holds anything but tensors, or is of another network.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run `difftalker weights fetch syncnet`")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: holds more than tensors, or no tensors at all; it is not read, for safety; fetch the published "
            "file with `difftalker weights fetch syncnet`"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError, IndexError):
        raise UserError(f"{path}: cut off or damaged; run `difftalker weights fetch syncnet`") from None
    model = OfficialSyncNet()
    model.load_state_dict(_renamed(path, state, model.state_dict()))
    return model.eval()


def _renamed(path: Path, state: object, own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published tensors under this module's names.

    Raises:
        UserError: a tensor is missing, unknown or of another shape.
    """
    another = f"{path}: is not the published SyncNet"
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{another} (no table of tensors); run `difftalker weights fetch syncnet`")
    found = {}
    for name, value in state.items():
        prefix, _, rest = str(name).partition(".")
        found[f"{_PREFIXES.get(prefix, prefix)}.{rest}"] = value
    # Files of old versions of torch lack these counters, which mean nothing outside of training.
    found |= {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}
    for name in sorted(own.keys() | found.keys()):
        shapes = [tuple(table[name].shape) if name in table else None for table in (own, found)]
        if shapes[0] != shapes[1]:
            said = "missing" if shapes[1] is None else "unknown" if shapes[0] is None else f"of shape {shapes[1]}"
            raise UserError(f"{another} (tensor {name} is {said}); run `difftalker weights fetch syncnet`")
    return found


def _bgr(frames: Sequence[np.ndarray] | np.ndarray) -> Tensor:
    """Frames (t, h, w, 3) uint8 RGB -> (t, 3, 224, 224) uint8 BGR."""
    if frames[0].shape[:2] != (OFFICIAL_SIDE, OFFICIAL_SIDE):
        frames = [cv2.resize(frame, (OFFICIAL_SIDE, OFFICIAL_SIDE)) for frame in frames]
    return torch.from_numpy(np.stack(list(frames))[..., ::-1].copy()).permute(0, 3, 1, 2)


def _layer(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, nn.Module, nn.Module]:
    norm = nn.BatchNorm3d if isinstance(convolution, nn.Conv3d) else nn.BatchNorm2d
    return convolution, norm(convolution.out_channels), nn.ReLU(inplace=True)


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, OFFICIAL_EMBEDDING))
