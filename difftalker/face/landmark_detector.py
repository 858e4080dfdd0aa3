"""What a landmark detector is, and how to make the one that the parameters name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np

from difftalker.compute.device import select_device
from difftalker.config import DetectorConfig
from difftalker.face.mediapipe.mesh_detector import MeshDetector
from difftalker.weights.store import locate


class LandmarkDetector(Protocol):
    """Finds the 68 iBUG points of a face whose region is known."""

    def detect(self, images: Sequence[np.ndarray], regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Detect one face in each image.

        Args:
            images: n images (h, w, 3) uint8 RGB.
            regions: (n, 4) centre x, y and side in pixels, and angle; see `difftalker.face.mediapipe.region`.

        Returns:
            points (n, 68, 2) float32 in pixels and scores (n,) float32 in [0, 1], higher is surer.
        """
        ...


def make_landmark_detector(config: DetectorConfig, device: str = "auto", pin: str | None = None) -> LandmarkDetector:
    """The detector of `detector.name`.

    Args:
        config: the group `detector` of the parameters.
        device: where the network runs, `auto` for CUDA where there is one.
        pin: the hash of FAN's weights (`weights.fan2d`); None takes the published one.

    Raises:
        UserError: the detector's weights cannot be had.
    """
    where = select_device(cast(Any, device))
    if config.name == "mesh":
        return MeshDetector(where)
    from difftalker.face.fan_detector import load_fan  # its package takes seconds to load

    return load_fan(locate("fan2d", pin), where)


def runs_in_processes(config: DetectorConfig, device: str) -> bool:
    """Whether several processes, one core each, are the way to run a detector there: small networks on the CPU."""
    return config.name == "mesh" and select_device(cast(Any, device)).type == "cpu"
