"""The attention mesh on pictures of faces whose regions are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from difftalker.compute.parallel import one_thread
from difftalker.face.mediapipe.attention_mesh import MESH_POINTS, AttentionMesh
from difftalker.face.mediapipe.mesh_points import to_ibug
from difftalker.face.mediapipe.region import cut_region, region_to_picture
from difftalker.face.mediapipe.weights import load_mediapipe_network

MESH_BATCH = 16  # faces per pass of the network


class MeshDetector:
    """MediaPipe's attention mesh; see `difftalker.face.mediapipe.attention_mesh`.

    Args:
        device: where the network runs.

    Raises:
        UserError: the weights are missing or altered.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        network = load_mediapipe_network(AttentionMesh(), "attention_mesh", device)
        # Twice as fast on a CPU as with the channels first.
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def detect(self, images: Sequence[np.ndarray], regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `LandmarkDetector.detect`. The score is the network's probability of a face."""
        mesh, scores = self.mesh(images, regions)
        return to_ibug(mesh).astype(np.float32), scores

    @torch.inference_mode()
    def mesh(
        self, images: Sequence[np.ndarray], regions: np.ndarray, refine: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """All points of one face in each image.

        Args:
            images: n images (h, w, 3) uint8 RGB.
            regions: (n, 4), see `difftalker.face.mediapipe.region`.
            refine: whether lips and eyes are looked at closely.

        Returns:
            points (n, 468, 2) float64 in pixels (centres at integers) and probabilities of a face (n,) float32.
        """
        points = np.empty((len(images), MESH_POINTS, 2))
        scores = np.empty(len(images), np.float32)
        with one_thread():
            for start in range(0, len(images), MESH_BATCH):
                batch = slice(start, start + MESH_BATCH)
                faces = np.stack([cut_region(*each) for each in zip(images[batch], regions[batch], strict=True)])
                pixels = torch.from_numpy(faces).to(self._device).permute(0, 3, 1, 2).float() / 255  # channels last
                found, score = self._network(pixels, refine)
                points[batch] = region_to_picture(found.cpu().numpy(), regions[batch])
                scores[batch] = score.cpu().numpy()
        return points, scores
