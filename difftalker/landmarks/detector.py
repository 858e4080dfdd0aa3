"""What a landmark detector is, and how to make the one that the parameters name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np

from difftalker.config import DetectorConfig


class Detector(Protocol):
    """Finds the 68 iBUG points of a face whose box is known."""

    def detect(self, images: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Detect one face in each image.

        Args:
            images: n images (h, w, 3) uint8 RGB.
            boxes: (n, 4) x0, y0, x1, y1 in pixels (centres at integers), as dlib's frontal face detector draws them.

        Returns:
            points (n, 68, 2) float32 in pixels and scores (n,) float32 in [0, 1], higher is surer.
        """
        ...


def make_detector(config: DetectorConfig, device: str = "auto", pin: str | None = None) -> Detector:
    """The detector of `detector.name`.

    Args:
        config: the group `detector` of the parameters.
        device: where a network runs, `auto` for CUDA where there is one; `dlib` runs on the CPU.
        pin: the hash of FAN's weights (`weights.fan2d`); None takes the published one.

    Raises:
        UserError: the detector's weights cannot be had.
    """
    if config.name in ("fan", "mesh"):
        from difftalker.training.device import select_device  # loads torch

        where = select_device(cast(Any, device))
        if config.name == "mesh":
            from difftalker.landmarks.mesh_detector import MeshDetector

            return MeshDetector(where)
        from difftalker.landmarks.fan_detector import load_fan
        from difftalker.weights.store import locate

        return load_fan(locate("fan2d", pin), where)
    from difftalker.landmarks.dlib_detector import DlibDetector

    return DlibDetector(config)
