"""Lip sync of a row."""

import numpy as np

from difftalker.dataset.frames import Dataset
from difftalker.evaluation.frame_table import read_split
from difftalker.evaluation.sync_scores import sound_embeddings
from tests.evaluation.synthetic_run import Run


def test_every_run_hears_its_own_sound(run: Run) -> None:
    heard = []

    class Expert:
        def embed_video(self, frames: np.ndarray) -> np.ndarray:
            return np.zeros((len(frames) - 4, 1))

        def embed_audio(self, samples: np.ndarray) -> np.ndarray:
            heard.append(samples)
            return np.zeros((1, 1))

    test = read_split(Dataset.load(run.dataset), "test")
    assert len(sound_embeddings(Expert(), test, run.frames, 25.0)) == 2
    assert [len(samples) for samples in heard] == [25 * 640, 20 * 640]
    loudness = [np.abs(heard[1][640 * i : 640 * (i + 1)].astype(int)).max() for i in range(20)]
    opening = np.linalg.norm(test.landmarks[25:, 66] - test.landmarks[25:, 62], axis=-1)
    assert np.corrcoef(loudness, opening)[0, 1] > 0.9  # frame 40 is the first, not frame 0
