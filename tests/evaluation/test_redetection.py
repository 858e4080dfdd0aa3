"""Landmarks found again."""

import numpy as np
import pytest
from skimage.data import astronaut

from difftalker.compute import parallel
from difftalker.config import DetectorConfig
from difftalker.evaluation.redetection import detection_pool


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
