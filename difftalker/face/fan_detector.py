"""The face alignment network FAN (Bulat and Tzimiropoulos, 2017): the network of the package face-alignment.

Only the network's class is the package's. Its own interface looks at one picture at a time, downloads the weights by
itself and rounds every point to whole pixels; crops of 128 pixels need better. Here the faces of many pictures go
through together, in boxes that are already known (the tracked ones of the crop geometry), and a point lies at the top
of a parabola through the logarithm of its heat map's peak: exact for the Gaussians that the network was trained on.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from face_alignment.models import FAN
from face_alignment.utils import flip
from torch import Tensor, nn

from difftalker.errors import UserError
from difftalker.face.mediapipe.region import upright_boxes

FAN_BATCH = 32  # faces per pass of the network
FAN_INPUT, HEAT_MAP_SIDE = 256, 64  # sides in pixels

_STACKS = 4  # of the published network 2DFAN-4
_PIXELS, _REFERENCE = 200.0, 195.0  # the side of what it sees is 200 (w + h) / 195 for a face box w wide and h high
_UP = 0.12  # of the box's height, by which the middle of what it sees is above that of the box
_TINY = 1e-6  # stands for heat maps that are not positive


class FanDetector:
    """FAN on given regions, whose angle it does not use.

    Args:
        network: faces (n, 3, 256, 256) in [0, 1] -> heat maps (n, 68, 64, 64), or a list of them of which the last
            counts; on `device`.
        device: where it runs.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network, self._device = network, device

    @torch.no_grad()
    def detect(self, images: Sequence[np.ndarray], regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `LandmarkDetector.detect`. The score is the mean peak of the 68 heat maps, limited to [0, 1]."""
        boxes = upright_boxes(np.asarray(regions, np.float64).reshape(-1, 4))
        points = np.empty((len(images), 68, 2), np.float32)
        scores = np.empty(len(images), np.float32)
        for start in range(0, len(images), FAN_BATCH):
            batch = slice(start, start + FAN_BATCH)
            corner, side = heat_map_squares(boxes[batch])
            faces = np.stack([cut_fan_input(*face) for face in zip(images[batch], corner, side, strict=True)])
            maps = self._heat_maps(torch.from_numpy(faces).to(self._device))
            places, peaks = read_heat_maps(maps.float().cpu().numpy())
            points[batch] = corner[:, None] + places * side[:, None, None] - 0.5
            scores[batch] = np.clip(peaks.mean(axis=1), 0, 1)
        return points, scores

    def _heat_maps(self, faces: Tensor) -> Tensor:
        """Faces (n, 256, 256, 3) uint8 -> sum of the heat maps of the faces and of their mirror images."""
        batch = faces.permute(0, 3, 1, 2).float() / 255
        return self._last(batch) + flip(self._last(flip(batch)), is_label=True)

    def _last(self, batch: Tensor) -> Tensor:
        maps = self.network(batch)
        return maps if isinstance(maps, Tensor) else maps[-1]


def load_fan(path: Path, device: torch.device) -> FanDetector:
    """The published network 2DFAN-4, not compiled.

    Args:
        path: `2DFAN4-11f355bf06.pth.tar`, a state dict; nothing in it is executed.
        device: where it is to run.

    Raises:
        UserError: the file is missing or damaged, or is of another network.
    """
    again = "run `difftalker weights fetch fan2d`, or set detector.name to 'mesh'"
    with torch.device("meta"):  # the tensors are the file's: none is drawn first
        network = FAN(_STACKS)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), assign=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; {again}") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(":") if str(error).strip() else "cut off"
        raise UserError(f"{path}: not the weights of FAN ({reason}); {again}") from None
    except AttributeError:
        raise UserError(f"{path}: not the weights of FAN (no table of tensors); {again}") from None
    return FanDetector(network.to(device).eval(), device)


def heat_map_squares(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The squares that heat maps stand for: face boxes (n, 4) -> upper left corners (n, 2) and sides (n,) in pixels.

    Pixel k reaches from k to k + 1, as in the package; points with pixel centres at integers are less by a half.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.stack([np.zeros(len(boxes)), _UP * size[:, 1]], axis=1)
    side = _PIXELS * size.sum(axis=1) / _REFERENCE
    return middle - side[:, None] / 2, side


def cut_fan_input(image: np.ndarray, corner: np.ndarray, side: float) -> np.ndarray:
    """What the network sees of a face, (256, 256, 3) uint8; black beyond the image.

    The package (and the training, so it is kept) leaves out a 256th of the square at its upper left and rounds down to
    whole pixels, half a pixel on average; here nothing is rounded.

    Args:
        image: (h, w, 3) uint8.
        corner: (2,) upper left corner of the square.
        side: of the square.
    """
    scale = FAN_INPUT / (side - side / FAN_INPUT)
    first = (
        corner + side / FAN_INPUT - 0.5 + 0.5 / scale - 0.5
    )  # centre of the first pixel, in the image's pixel centres
    matrix = np.array([[scale, 0, -scale * first[0]], [0, scale, -scale * first[1]]])
    return cv2.warpAffine(image, matrix, (FAN_INPUT, FAN_INPUT), flags=cv2.INTER_LINEAR)


def read_heat_maps(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the heat maps peak.

    Args:
        maps: (n, 68, h, w).

    Returns:
        Places (n, 68, 2) in fractions of the map's width and height, and the peaks' heights (n, 68).
    """
    count, points, height, width = maps.shape
    flat = maps.reshape(count, points, -1)
    best = flat.argmax(axis=-1)
    peaks = np.take_along_axis(flat, best[..., None], axis=-1)[..., 0]
    rows, columns = best // width, best % width
    logs = np.log(np.maximum(maps, _TINY))
    n, p = np.ogrid[:count, :points]

    def top(before: np.ndarray, at: np.ndarray, after: np.ndarray, inside: np.ndarray) -> np.ndarray:
        bend = before - 2 * at + after
        return np.where(inside & (bend < 0), np.clip((before - after) / np.minimum(2 * bend, -_TINY), -0.5, 0.5), 0.0)

    at = logs[n, p, rows, columns]
    x = columns + top(
        logs[n, p, rows, np.maximum(columns - 1, 0)],
        at,
        logs[n, p, rows, np.minimum(columns + 1, width - 1)],
        (columns > 0) & (columns < width - 1),
    )
    y = rows + top(
        logs[n, p, np.maximum(rows - 1, 0), columns],
        at,
        logs[n, p, np.minimum(rows + 1, height - 1), columns],
        (rows > 0) & (rows < height - 1),
    )
    return (np.stack([x, y], axis=-1) + 0.5) / (width, height), peaks
