"""How much of the mouth do the audio features tell, of the speaker's voice and of others?

    python -m benchmarks.speech PROJECT --other OTHER_PROJECT [--train-share 0.67]

Needs no training: the windows of the first clips are mapped to the mouth's points by ridge regression on random Fourier
features, and judged on the rest. Prints the mean distance of the mouth's points (thousandths of the face's width, in
the head's own frame) and the correlation of the lips' opening with the truth: of the speaker, of the same sound made
1.25 times higher and faster, cut to 8 kHz, with white noise at 20 dB, and of the speakers of other projects. A project
is a folder with `data/processed/dataset.parquet` and `data/interim/frames`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.signal import resample_poly

from difftalker.audio.encoder import AudioEncoder, make_encoder
from difftalker.audio.voice_activity import active_speech_level, row_power
from difftalker.completion.head_frame import SimilarityTransform
from difftalker.config import AudioConfig
from difftalker.dataset.frames import Dataset
from difftalker.evaluation.metrics.mouth_opening import mouth_opening
from difftalker.face.topology import MOUTH, RIGID
from difftalker.media.wav import AUDIO_RATE, read_wav

WAVES = 1200
INVERSE_WIDTH = 0.5  # of the kernel
RIDGE = 1e-4
LINEAR = 0.3  # weight of the windows themselves beside the waves
MODES = 12  # of the mouth

Change = Callable[[np.ndarray], np.ndarray]


def resampled(up: int, down: int) -> Change:
    """A sound (n,) int16 of up / down times the samples."""
    return lambda samples: _int16(resample_poly(samples.astype(np.float64), up, down))


def telephone(samples: np.ndarray) -> np.ndarray:
    """What is left after 8 kHz."""
    return resampled(2, 1)(resampled(1, 2)(samples))


def noisy(samples: np.ndarray) -> np.ndarray:
    """White noise 20 dB below the active speech level."""
    noise = np.random.default_rng(0).normal(size=len(samples)) * 32768
    return _int16(samples + noise * np.sqrt(active_speech_level(row_power(samples)) / 100))


def _int16(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples).clip(-32768, 32767).astype(np.int16)


class Speaker:
    """A project's mouth points in the head's own frame, and its sound."""

    def __init__(self, project: Path) -> None:
        self.data = Dataset.load(project / "data/processed/dataset.parquet")
        self.frames = project / "data/interim/frames"
        rows = np.flatnonzero(self.data.split != "invalid")
        points = torch.from_numpy(self.data.landmarks[rows])
        shape = points[0]
        for _ in range(3):  # generalised Procrustes analysis
            shape = SimilarityTransform(points[:, RIGID], shape[RIGID]).normalise(points).mean(0)
        aligned = SimilarityTransform(points[:, RIGID], shape[RIGID]).normalise(points).numpy()
        self.points = np.full((len(self.data.split), 68, 2), np.nan, np.float32)
        self.points[rows] = aligned / np.linalg.norm(aligned[:, 16] - aligned[:, 0], axis=1).mean()
        pairs = zip(self.data.recording, self.data.clip, strict=True)
        self.clips = list(dict.fromkeys(pairs))

    def rows(self, clips: Sequence[tuple[str, str]]) -> np.ndarray:
        """Usable frames of these clips."""
        chosen = [(self.data.recording == recording) & (self.data.clip == clip) for recording, clip in clips]
        return np.flatnonzero(np.any(chosen, axis=0) & (self.data.split != "invalid"))

    def windows(
        self, encoder: AudioEncoder, clips: Sequence[tuple[str, str]], change: Change, speed: float
    ) -> np.ndarray:
        """Features of `rows`, (n, 464), of changed sound that is `speed` times as fast."""
        found = np.zeros((len(self.data.split), 16 * 29), np.float32)
        for recording, clip in clips:
            inside = np.flatnonzero((self.data.recording == recording) & (self.data.clip == clip))
            samples = change(read_wav(self.frames / recording / "audio" / f"{clip}.wav"))
            count = int(self.data.frame[inside].max()) + 1
            encoded = encoder.encode(samples, count, self.data.fps * speed)
            found[inside] = encoded[self.data.frame[inside]].reshape(len(inside), -1)
        return found[self.rows(clips)]


class Probe:
    """Ridge regression on random Fourier features, from windows to the mouth's principal modes."""

    def __init__(self, windows: np.ndarray, mouths: np.ndarray) -> None:
        self.mean, self.scale = windows.mean(0), (windows.std(0) + 1e-4) * np.sqrt(windows.shape[1])
        generator = np.random.default_rng(0)
        self.waves = INVERSE_WIDTH * generator.normal(size=(windows.shape[1], WAVES))
        self.phase = generator.uniform(0, 2 * np.pi, WAVES)
        self.mouth = mouths.mean(0)
        _, _, modes = np.linalg.svd(mouths - self.mouth, full_matrices=False)
        lifted = self._lift(windows)
        target = (mouths - self.mouth) @ modes[:MODES].T
        square = lifted.T @ lifted + RIDGE * len(lifted) * np.eye(lifted.shape[1])
        self.weights = np.linalg.solve(square, lifted.T @ target) @ modes[:MODES]

    def _lift(self, windows: np.ndarray) -> np.ndarray:
        normal = (windows - self.mean) / self.scale
        return np.concatenate([np.sqrt(2 / WAVES) * np.cos(normal @ self.waves + self.phase), LINEAR * normal], 1)

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """(n, 464) -> mouths (n, 20, 2)."""
        return (self._lift(windows) @ self.weights + self.mouth).reshape(-1, len(MOUTH), 2)


def report(title: str, predicted: np.ndarray, truth: np.ndarray) -> None:
    """Print one row: mouths (n, 20, 2) against points (n, 68, 2)."""
    points = truth.copy()
    points[:, MOUTH] = predicted
    follows = np.corrcoef(mouth_opening(points), mouth_opening(truth))[0, 1]
    distance = 1000 * np.linalg.norm(predicted - truth[:, MOUTH], axis=-1).mean()
    print(f"{title:24s} {len(truth):6d} {distance:9.2f} {follows:7.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--other", type=Path, action="append", default=[])
    parser.add_argument("--train-share", type=float, default=0.67, help="share of the clips to learn from")
    arguments = parser.parse_args()
    encoder = make_encoder(AudioConfig(encoder="whisper"))
    own = Speaker(arguments.project)
    cut = round(arguments.train_share * len(own.clips))
    learn, judge = own.clips[:cut], own.clips[cut:]
    same: Change = np.asarray
    began = time.process_time()
    heard = own.windows(encoder, learn, same, 1.0)
    spent = time.process_time() - began
    probe = Probe(heard, own.points[own.rows(learn)][:, MOUTH].reshape(len(heard), -1).astype(np.float64))
    print(f"{'':24s} {'frames':>6s} {'distance':>9s} {'r':>7s}")
    truth = own.points[own.rows(judge)]
    for title, change, speed in (
        ("own voice", same, 1.0),
        ("1.25 times higher", resampled(4, 5), 1.25),
        ("8 kHz", telephone, 1.0),
        ("noise at 20 dB", noisy, 1.0),
    ):
        report(title, probe(own.windows(encoder, judge, change, speed)), truth)
    for project in arguments.other:
        other = Speaker(project)
        report(
            project.name, probe(other.windows(encoder, other.clips, same, 1.0)), other.points[other.rows(other.clips)]
        )
    seconds = sum(len(read_wav(own.frames / r / "audio" / f"{c}.wav")) for r, c in learn) / AUDIO_RATE
    print(f"{seconds / spent:.0f} times real time (processor time), clips of {seconds / len(learn):.1f} s")


if __name__ == "__main__":
    main()
