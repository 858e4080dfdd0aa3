"""Where there are faces in a picture that nothing is known of."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from difftalker.compute.parallel import one_thread
from difftalker.face.mediapipe.blazeface import FullRange, ShortRange, anchors
from difftalker.face.mediapipe.weights import load_mediapipe_network

_MIN_PROBABILITY = 0.3  # probability from which a face is taken down; the mesh looks at it again
_SAME = 0.3  # overlap (intersection over union) of two finds of one face
_TILE, _SHARED = 0.5, 0.25  # side of a tile over the picture's longer side, and what neighbours share at least
_ROOM = 1.5  # side of the mesh's region over that of the box found


class FaceDetector:
    """Both BlazeFace detectors on the whole picture; where they find nothing, the finer one on overlapping tiles.

    Found are faces from 0.9 to 1/20 of the picture's longer side, turned up to about 60 degrees.
    """

    def __init__(self) -> None:
        cpu = torch.device("cpu")
        self._short = load_mediapipe_network(ShortRange(), "blazeface_short_range", cpu)
        self._full = load_mediapipe_network(FullRange(), "blazeface_full_range", cpu)

    def find(self, image: np.ndarray) -> np.ndarray:
        """Search a picture.

        Args:
            image: (h, w, 3) uint8 RGB.

        Returns:
            (k, 4) float64, the surest first: regions to look at with the mesh (`difftalker.face.mediapipe.region`).
        """
        whole = np.array([[0.0, 0.0, max(image.shape[:2])]])
        found = np.concatenate([self._look(net, image, whole) for net in (self._full, self._short)])
        if not len(found):
            found = self._look(self._full, image, _tiles(image.shape[1], image.shape[0]))
        return _regions(_distinct(found))

    @torch.inference_mode()
    def _look(self, network: FullRange | ShortRange, image: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Finds in squares (n, 3) x, y, side of the picture: (k, 17) probability, box and points in its pixels."""
        side = network.side
        pictures = np.stack([_fit(image, square, side) for square in squares])
        batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        with one_thread():
            scores, numbers = network(batch)
        pairs = numbers.unflatten(2, (-1, 2)) / side  # (n, anchors, 8, 2)
        pairs[:, :, [0, 2, 3, 4, 5, 6, 7]] += anchors(network)[:, None]
        finds = []
        for square, probability, pair in zip(squares, scores.sigmoid().numpy(), pairs.numpy(), strict=True):
            for at in np.flatnonzero(probability >= _MIN_PROBABILITY):
                places = pair[at].astype(np.float64) * square[2]
                places[[0, 2, 3, 4, 5, 6, 7]] += square[:2] - 0.5  # pixel k reaches from k to k + 1 in the network
                finds.append(np.concatenate([[probability[at]], places.reshape(-1)]))
        return np.array(finds).reshape(-1, 17)


def _tiles(width: int, height: int) -> np.ndarray:
    """Squares of half the longer side that cover a picture, (n, 3) x, y, side."""
    side = _TILE * max(width, height)

    def starts(length: int) -> np.ndarray:
        steps = max(0, int(np.ceil((length - side) / (side * (1 - _SHARED)) - 1e-9)))
        return np.linspace(0.0, max(0.0, length - side), steps + 1)

    return np.array([[x, y, side] for y in starts(height) for x in starts(width)])


def _fit(image: np.ndarray, square: np.ndarray, side: int) -> np.ndarray:
    """The part of a picture in a square, (side, side, 3); black beyond the picture."""
    x, y, extent = (round(float(value)) for value in square)
    part = image[y : y + extent, x : x + extent]
    factor = side / float(square[2])
    size = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
    result = np.zeros((side, side, 3), np.uint8)
    scaled = cv2.resize(part, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    result[: size[1], : size[0]] = scaled[:side, :side]
    return result


def _distinct(found: np.ndarray) -> np.ndarray:
    """The surest find of every face."""
    kept: list[np.ndarray] = []
    for find in found[np.argsort(-found[:, 0], kind="stable")]:
        if all(box_overlap(_box(find), _box(other)) < _SAME for other in kept):
            kept.append(find)
    return np.array(kept).reshape(-1, 17)


def _box(find: np.ndarray) -> np.ndarray:
    return np.concatenate([find[1:3] - find[3:5] / 2, find[1:3] + find[3:5] / 2])


def box_overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes (4,) x0, y0, x1, y1."""
    inner = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.maximum(inner, 0.0)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - shared
    return shared / union if union > 0 else 0.0


def _regions(found: np.ndarray) -> np.ndarray:
    eyes = found[:, 7:9] - found[:, 5:7]
    angle = np.arctan2(eyes[:, 1], eyes[:, 0])
    return np.column_stack([found[:, 1:3], _ROOM * found[:, 3:5].max(axis=1), angle])
