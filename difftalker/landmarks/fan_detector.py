"""The face alignment network FAN (Bulat and Tzimiropoulos 2017) of the package face-alignment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import face_alignment
import numpy as np
import torch

from difftalker.config import DetectorConfig
from difftalker.errors import UserError

_BATCH = 16  # faces per pass of the network
_REACH = 2.2  # side of what the network looks at, in face boxes


class FanDetector:
    """FAN on given boxes; its own face detector is not used.

    Args:
        config: `upscale` is ignored, the network scales each face to 256 pixels itself; `jitter` too, its heat maps
            are subpixel.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `mps`.

    Raises:
        UserError: the weights are not there and cannot be downloaded.
    """

    def __init__(self, config: DetectorConfig, device: str = "auto") -> None:
        del config
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = _load(device)

    def detect(self, images: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Detector.detect`. The score is the mean peak of the 68 heat maps, limited to [0, 1].

        The library batches the faces of one picture only, so the faces of several are put on one sheet.
        """
        points = np.empty((len(images), 68, 2), np.float32)
        scores = np.empty(len(images), np.float32)
        for start in range(0, len(images), _BATCH):
            batch = slice(start, start + _BATCH)
            points[batch], scores[batch] = self._detect_sheet(images[batch], np.asarray(boxes[batch], np.float64))
        return points, scores

    def _detect_sheet(self, images: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tiles, shifts = [], []
        for image, box in zip(images, boxes, strict=True):
            pad = int(np.ceil(_REACH * (box[2:] - box[:2]).max()))  # black, as the library sees beyond an edge
            tiles.append(cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_CONSTANT))
            shifts.append(pad)
        width = max(tile.shape[1] for tile in tiles)
        sheet = np.concatenate([np.pad(tile, ((0, 0), (0, width - tile.shape[1]), (0, 0))) for tile in tiles])
        tops = np.cumsum([0, *(tile.shape[0] for tile in tiles[:-1])])
        moves = np.stack([shifts, tops + shifts], axis=1).astype(np.float64)  # (n, 2)
        faces = list(boxes + np.tile(moves, 2))
        found, scores, _ = self.network.get_landmarks_from_image(
            sheet, detected_faces=faces, return_landmark_score=True
        )
        points = np.stack(found) - moves[:, None]
        return points.astype(np.float32), np.clip([np.mean(score) for score in scores], 0, 1).astype(np.float32)


def _load(device: str) -> Any:
    try:
        return face_alignment.FaceAlignment(
            face_alignment.LandmarksType.TWO_D,
            device=device,
            face_detector="folder",  # needs no weights: the boxes are given
            compile=False,
            max_batch_size=_BATCH,
        )
    except (OSError, RuntimeError) as error:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise UserError(
            f"detector.name = 'fan': its weights cannot be loaded ({str(error).splitlines()[0]}); connect to the "
            f"network for the first run, put 2DFAN4-11f355bf06.pth.tar into {folder}, or set detector.name to 'dlib'"
        ) from None
