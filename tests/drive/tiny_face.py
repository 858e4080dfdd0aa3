"""A face of a few thousand random weights on a moving photograph: real classes, small sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from difftalker.config import AudioConfig, DetectorConfig, SamplingConfig
from difftalker.drive.footage import Footage
from difftalker.drive.scene import CropRule, Scene, survey
from difftalker.face_folder import FORMAT, Description, Speaker, write_description
from difftalker.landmarks.topology import MOUTH
from difftalker.models.face import FaceNetwork
from difftalker.models.landmark_completion import LandmarkCompletion
from difftalker.models.prior import build_small_prior
from difftalker.talking_face import TalkingFace
from difftalker.training.seeds import seeded
from tests.models.small_prior import CONFIG
from tests.video.footage import portrait, write_footage

SIZE = 64
PICTURES = 40
DETECTOR = DetectorConfig(name="dlib", upscale=2.0, jitter=1, smoothing=0.7, max_gap=5)
RULE = CropRule(SIZE, 1.7, 0.4, DETECTOR)


@dataclass(frozen=True)
class Tiny:
    """An exported face, its footage and what was found in that."""

    folder: Path
    footage: Path
    scene: Scene

    def load(self, footage: Path | None = None) -> TalkingFace:
        """The face on its footage, or on another file with the same pictures."""
        film = footage or self.footage
        stamps = Footage(film).index()
        known = Scene(self.scene.transforms, self.scene.landmarks, self.scene.valid, stamps)
        return TalkingFace.load(self.folder, footage=film, scene=known, device="cpu")


def pictures(count: int = PICTURES) -> list[np.ndarray]:
    """The portrait, swaying: (280, 280, 3) uint8 each."""
    moved = []
    for index in range(count):
        shift = 4 * np.sin(index / 9), 2 * np.sin(index / 7)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        moved.append(cv2.warpAffine(portrait(), matrix, (280, 280), borderMode=cv2.BORDER_REFLECT))
    return moved


def make_tiny(folder: Path) -> Tiny:
    """Write the footage and the face."""
    footage = write_footage(folder / "base.mp4", pictures())
    scene = survey(Footage(footage), PICTURES, RULE, None, "cpu", lambda steps: None)
    face = folder / "face"
    with seeded(0):
        prior = build_small_prior(CONFIG, SIZE).eval()
        prior.vae.fit(np.stack([cv2.resize(picture[90:250, 40:200], (SIZE, SIZE)) for picture in pictures(4)]))
        network = FaceNetwork(prior.unet, prior.reduction)
        for injection in network.injections:
            torch.nn.init.normal_(injection.to_out.weight, std=0.3)
        completion = LandmarkCompletion(8, 2, 1, "am")
        moved = torch.from_numpy(scene.landmarks.copy())
        moved[:, MOUTH] += 0.02 * torch.randn(len(moved), len(MOUTH), 2)
        completion.fit(moved, torch.randn(len(moved), 16, 29))
    prior.save(face / "prior")
    completion.save(face / "landmarks")
    network.save(face / "face")
    write_description(face, describe(scene, completion))
    return Tiny(face, footage, scene)


def describe(scene: Scene, completion: LandmarkCompletion) -> Description:
    """What the tiny face says of itself; the mouth of the photograph is its closed one."""
    return Description(
        format=FORMAT,
        name="tiny",
        version="0.1.0",
        size=SIZE,
        margin=RULE.margin,
        smoothing=RULE.smoothing,
        fps=25.0,
        detector=DETECTOR,
        audio=AudioConfig(encoder="logmel"),
        sampling=SamplingConfig(steps=1, batch_size=8, seed=0),
        speaker=Speaker(
            closed_mouth=completion.mean_shape[MOUTH].tolist(), place=None, turn=[0.3, 0.7], strangeness=[1.0, 3.0]
        ),
    )
