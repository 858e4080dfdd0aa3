"""Landmarks by MediaPipe's attention mesh, in boxes that are already known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from difftalker.landmarks.mesh.network import POINTS, AttentionMesh
from difftalker.landmarks.mesh.points import to_ibug
from difftalker.landmarks.mesh.region import cut, place, regions_of
from difftalker.mediapipe.weights import load_network

BATCH = 16  # faces per pass of the network

_SIDE = 1.8  # of the first region, in sides of the face box
_SMOOTHING = 6.0  # pictures; the region follows the head, without the steps of single pictures


class MeshDetector:
    """The attention mesh on successive pictures.

    A first pass finds how large the face is and how it is turned; smoothed over the pictures, this gives the regions
    of the second.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        network = load_network(AttentionMesh(), "attention_mesh", device)
        self._network = network.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def detect(self, images: Sequence[np.ndarray], boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Detector.detect`. The score is the network's probability of a face."""
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        middle, side = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        first = np.column_stack([middle, _SIDE * side, np.zeros(len(boxes))])
        mesh, _ = self.run(images, first)
        smooth = gaussian_filter1d(regions_of(mesh), _SMOOTHING, axis=0, mode="nearest")
        mesh, scores = self.run(images, smooth)
        return to_ibug(mesh).astype(np.float32), scores

    @torch.inference_mode()
    def run(self, images: Sequence[np.ndarray], regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mesh of one face in each image.

        Args:
            images: n images (h, w, 3) uint8 RGB.
            regions: (n, 4), see `difftalker.landmarks.mesh.region`.

        Returns:
            points (n, 468, 2) float64 in pixels (centres at integers) and probabilities of a face (n,) float32.
        """
        points = np.empty((len(images), POINTS, 2))
        scores = np.empty(len(images), np.float32)
        for start in range(0, len(images), BATCH):
            batch = slice(start, start + BATCH)
            faces = np.stack([cut(*each) for each in zip(images[batch], regions[batch], strict=True)])
            pixels = torch.from_numpy(faces).to(self._device).permute(0, 3, 1, 2).float() / 255  # channels last
            found, score = self._network(pixels)
            points[batch] = place(found.cpu().numpy(), regions[batch])
            scores[batch] = score.cpu().numpy()
        return points, scores
