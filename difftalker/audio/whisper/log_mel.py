"""What Whisper reads: the logarithm of 80 mel energies, 100 rows per second (Radford et al., 2022, section 2.2).

Hann windows of 25 ms every 10 ms; Slaney's mel scale (linear to 1 kHz, logarithmic above), triangles of equal area.
Whisper clamps at 8 decades below the loudest value of its 30 s. What is loudest is not known of a sound that is read in
parts, so callers give the floor.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from difftalker.audio.mel import triangular_filters
from difftalker.media.wav import AUDIO_RATE

MEL_BANDS = 80
FFT_WIDTH, FFT_HOP = 400, 160  # samples of a window, and from one to the next

_LINEAR = 200 / 3  # Hz per mel below the knee
_KNEE = 1000.0  # Hz
_STEP = np.log(6.4) / 27  # of the logarithm of the frequency per mel above it


def whisper_log_mel(signal: Tensor, floor: float) -> Tensor:
    """Scaled log-mel energies.

    Args:
        signal: (n,) float32, 16 kHz, full scale 1; row i is of the samples 160 i to 160 i + 399.
        floor: least decimal logarithm of an energy.

    Returns:
        (80, 1 + (n - 400) // 160) float32.
    """
    window = torch.hann_window(FFT_WIDTH, device=signal.device)
    spectrum = torch.stft(signal, FFT_WIDTH, FFT_HOP, window=window, center=False, return_complex=True)  # (201, rows)
    energy = mel_filters().to(signal.device) @ spectrum.abs().square()
    return (energy.clamp(min=10.0**floor).log10() + 4) / 4


@lru_cache(maxsize=1)
def mel_filters() -> Tensor:
    """Triangles of area 1 Hz from 0 to 8 kHz: (80, 201) float32."""
    edges = _hertz(np.linspace(0.0, _mel(AUDIO_RATE / 2), MEL_BANDS + 2))
    bins = np.fft.rfftfreq(FFT_WIDTH, 1 / AUDIO_RATE)
    area = (edges[2:] - edges[:-2]) / 2
    return torch.from_numpy(triangular_filters(edges, bins) / area[:, None]).float()


def _mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < _KNEE else _KNEE / _LINEAR + float(np.log(hertz / _KNEE)) / _STEP


def _hertz(mel: np.ndarray) -> np.ndarray:
    knee = _KNEE / _LINEAR
    return np.where(mel < knee, mel * _LINEAR, _KNEE * np.exp(_STEP * (mel - knee)))
