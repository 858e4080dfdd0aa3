"""A small SyncNet: lips and sound in one space, where what belongs together is near (after Chung and Zisserman, 2016).

It sees five frames of the lower half of the crop, 96 x 48 pixels, and the log-mel energies of the same time. Embeddings
are unit vectors with one constant coordinate added: the zero vectors that the LSE protocol puts beyond the ends are
then as far away as unrelated sound, sqrt(2), and short clips show no false minimum there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from difftalker.audio.mel import triangular_filters
from difftalker.audio.voice_activity import signal_speech_level
from difftalker.media.wav import AUDIO_RATE
from difftalker.model_folder import save_weights
from difftalker.sync.lse import WINDOW_FRAMES

LIPS_WIDTH, LIPS_HEIGHT = 96, 48  # pixels of the lower half
ROWS_PER_SECOND = 100
SYNC_BANDS = 29
EMBEDDING_SIZE = 64

_HOP = AUDIO_RATE // ROWS_PER_SECOND
_FFT = 512
_LOW, _HIGH = 60.0, 7600.0  # Hz
_CLIP = (-12.0, 2.0)  # natural logarithm of the energy relative to active speech
_BATCH = 64


class SyncNet(nn.Module):
    """The two networks.

    Args:
        fps: frames per second of the videos that it is for.
    """

    title = "a small SyncNet, trained by the pipeline on its training frames"

    def __init__(self, fps: float) -> None:
        super().__init__()
        self.fps = fps
        self.rows = round(WINDOW_FRAMES * ROWS_PER_SECOND / fps)  # audio rows of a window; 20 at 25 fps
        self.lips = nn.Sequential(
            _conv2d(3 * WINDOW_FRAMES, 24, 2),  # (24, 24, 48)
            _conv2d(24, 32, 2),  # (32, 12, 24)
            _conv2d(32, 48, 2),  # (48, 6, 12)
            _conv2d(48, 64, 2),  # (64, 3, 6)
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(64 * 3 * 6, EMBEDDING_SIZE),
        )
        self.sound = nn.Sequential(
            _conv1d(SYNC_BANDS, 64, 1),
            _conv1d(64, 64, 2),
            _conv1d(64, 96, 2),
            nn.AdaptiveAvgPool1d(5),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(96 * 5, EMBEDDING_SIZE),
        )

    def lip_vectors(self, windows: Tensor) -> Tensor:
        """Windows of lower halves (b, 5, 3, 48, 96), values 0-255 -> unit vectors (b, 64)."""
        pixels = windows.flatten(1, 2).float() / 255 - 0.5  # (b, 15, 48, 96)
        return F.normalize(self.lips(pixels), dim=1)

    def sound_vectors(self, windows: Tensor) -> Tensor:
        """Log-mel windows (b, rows, 29) -> unit vectors (b, 64)."""
        return F.normalize(self.sound(windows.transpose(1, 2)), dim=1)

    @torch.no_grad()
    def embed_video(self, frames: np.ndarray) -> np.ndarray:
        """See `SyncExpert.embed_video`: (t - 4, 65)."""
        small = lower_halves(frames)
        windows = small.unfold(0, WINDOW_FRAMES, 1).permute(0, 4, 1, 2, 3)  # (t - 4, 5, 3, 48, 96)
        return self._embed(self.lip_vectors, windows)

    @torch.no_grad()
    def embed_audio(self, samples: np.ndarray) -> np.ndarray:
        """See `SyncExpert.embed_audio`: (t - 4, 65) for the sound of t frames."""
        rows = torch.from_numpy(levelled_log_mel(samples))
        count = round(len(samples) / AUDIO_RATE * self.fps) - WINDOW_FRAMES + 1
        starts = row_of(np.arange(max(count, 0)), self.fps)
        return self._embed(self.sound_vectors, sound_windows(rows, torch.from_numpy(starts), self.rows))

    def _embed(self, network: object, windows: Tensor) -> np.ndarray:
        device = next(self.parameters()).device
        parts = [network(part.to(device)).float().cpu() for part in windows.split(_BATCH)]  # type: ignore[operator]
        vectors = torch.cat(parts) if len(windows) else torch.zeros(0, EMBEDDING_SIZE)
        return F.pad(vectors, (0, 1), value=1.0).numpy()

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors` into `folder`; `load_sync_expert` reads them."""
        save_weights(self, folder, {"expert": "trained", "fps": self.fps})


def lower_halves(frames: Iterable[np.ndarray]) -> Tensor:
    """Shrink the lower halves of face crops, each (h, w, 3) uint8 RGB: (t, 3, 48, 96) uint8."""
    small = [
        cv2.resize(frame[frame.shape[0] // 2 :], (LIPS_WIDTH, LIPS_HEIGHT), interpolation=cv2.INTER_AREA)
        for frame in frames
    ]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous()


def levelled_log_mel(samples: np.ndarray) -> np.ndarray:
    """Log-mel energies relative to the active speech level, 100 rows per second.

    Args:
        samples: (n,) int16, 16 kHz.

    Returns:
        (round(n / 160), 29) float32 in [-1, 1]; row i stands for the time from i / 100 s to (i + 1) / 100 s.
    """
    rows = round(len(samples) / _HOP)
    signal = samples.astype(np.float64) / 32768
    width = AUDIO_RATE // 40  # 25 ms around the row's middle
    padded = np.pad(signal, ((width - _HOP) // 2, width + _HOP))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, width)[: rows * _HOP : _HOP]
    window = np.hanning(width + 1)[:-1]
    power = np.abs(np.fft.rfft(pieces * window, _FFT)) ** 2 * 2 / np.sum(window**2) / _FFT
    energy = power @ _mel_filters().T / signal_speech_level(signal)
    low, high = _CLIP
    logarithm = np.log(np.clip(energy, np.exp(low), np.exp(high)))
    return (2 * (logarithm - low) / (high - low) - 1).astype(np.float32)


def _mel_filters() -> np.ndarray:
    """Triangles of height 1, evenly spaced on the mel scale 2595 log10(1 + f / 700): (29, 257)."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOW, _HIGH))
    edges = 700 * (10 ** (np.linspace(low, high, SYNC_BANDS + 2) / 2595) - 1)
    return triangular_filters(edges, np.fft.rfftfreq(_FFT, 1 / AUDIO_RATE))


def row_of(frame: np.ndarray, fps: float) -> np.ndarray:
    """The audio row at the start of each frame, int64."""
    return np.floor(frame * ROWS_PER_SECOND / fps + 0.5).astype(np.int64)


def sound_windows(rows: Tensor, starts: Tensor, length: int) -> Tensor:
    """Cut windows (..., length, 29) out of rows (n, 29); the last row goes on beyond the end."""
    return rows[(starts[..., None] + torch.arange(length)).clamp_max(len(rows) - 1)]


def _conv2d(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _conv1d(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)
    )
