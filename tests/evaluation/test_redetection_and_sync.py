"""Detection in processes, and the sound under each run."""

import numpy as np
import pytest
from skimage.data import astronaut

from difftalker.compute import parallel
from difftalker.config import DetectorConfig
from difftalker.dataset.frames import Dataset
from difftalker.evaluation.redetection import detection_pool
from difftalker.evaluation.rows import read_rows
from difftalker.evaluation.sync_scores import sound_embeddings
from tests.evaluation.synthetic_run import Run


def test_processes_find_what_one_process_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 2)
    config = DetectorConfig(name="mesh", smoothing_frames=0.0, max_gap=0)
    images = np.stack([astronaut()[30:210, 134:314], astronaut()[34:214, 130:310]])
    regions = np.array([[86, 80, 180, 0], [90, 76, 180, 0]], np.float32)
    found = []
    for count in (2, 600):  # in this process; in two others
        with detection_pool(config, "cpu", count) as submit:
            found.append(submit(images, regions).result(timeout=300))
    assert np.array_equal(found[0][0], found[1][0])
    assert np.ptp(found[0][0][0, :, 0]) > 60, "a face is about 80 pixels wide here"


def test_every_run_hears_its_own_sound(run: Run) -> None:
    heard = []

    class Expert:
        def embed_video(self, frames: np.ndarray) -> np.ndarray:
            return np.zeros((len(frames) - 4, 1))

        def embed_audio(self, samples: np.ndarray) -> np.ndarray:
            heard.append(samples)
            return np.zeros((1, 1))

    test = read_rows(Dataset.load(run.dataset), "test")
    assert len(sound_embeddings(Expert(), test, run.frames, 25.0)) == 2
    assert [len(samples) for samples in heard] == [25 * 640, 20 * 640]
    loudness = [np.abs(heard[1][640 * i : 640 * (i + 1)].astype(int)).max() for i in range(20)]
    opening = np.linalg.norm(test.landmarks[25:, 66] - test.landmarks[25:, 62], axis=-1)
    assert np.corrcoef(loudness, opening)[0, 1] > 0.9  # frame 40 is the first, not frame 0
