"""A face with tiny networks, as `difftalker export` would leave it, of the person in `footage.portrait`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from difftalker.config import AudioConfig, DetectorConfig, SamplingConfig
from difftalker.drive.articulation import closed_mouth
from difftalker.drive.recognise import strangeness, turn
from difftalker.face_folder import FORMAT, Description, Speaker, write_description
from difftalker.landmarks.detect import detect_landmarks
from difftalker.models.face import FaceNetwork
from difftalker.models.landmark_completion import LandmarkCompletion
from difftalker.training.seeds import seeded
from difftalker.version import VERSION
from difftalker.video.crop import crop_geometry, cut, face_width
from difftalker.video.track import track_faces
from tests.models.small_prior import SIZE, small_prior
from tests.video.footage import portrait, write_footage

DETECTOR = DetectorConfig("dlib", 6.0, 1, 0.0, 2)
MARGIN = 1.5


@lru_cache(maxsize=1)
def portrait_landmarks() -> np.ndarray:
    """(68, 2) over the crop size."""
    track = next(track_faces([[portrait()]]))
    geometry = crop_geometry(track, float(face_width(track.points[0])), SIZE, MARGIN, 0.0, 25.0)
    points, _ = detect_landmarks([cut(portrait(), geometry.transforms[0], SIZE)], geometry.boxes, DETECTOR)
    return points[0]


def tiny_face(folder: Path, name: str = "tiny", footage: Sequence[np.ndarray] = ()) -> Path:
    """Write the face into a folder, with pictures as its footage where there are any."""
    noise = np.random.default_rng(0).normal(0, 0.004, (200, 68, 2))
    points = (portrait_landmarks() + noise).astype(np.float32)
    prior = small_prior()
    with seeded(1):
        network = FaceNetwork(prior.unet, prior.reduction)
        for injection in network.injections:
            torch.nn.init.normal_(injection.to_out.weight)  # zero at the start of a training
        completion = LandmarkCompletion(8, 2, 1, "am").eval()
        completion.fit(torch.from_numpy(points), torch.zeros(200, 16, 29))
    prior.save(folder / "prior")
    network.save(folder / "face")
    completion.save(folder / "landmarks")
    strange = strangeness(points, completion)
    turns = turn(points)
    shape = completion.mean_shape.numpy()
    speaker = Speaker(
        closed_mouth(points, shape, np.ones(200, bool)).astype(float).tolist(),
        None,
        [float(turns.min()), float(turns.max())],
        [float(np.median(strange)), float(strange.max())],
    )
    sampling = SamplingConfig(2, 8, 0)
    description = Description(
        FORMAT, name, VERSION, SIZE, MARGIN, 0.4, 25.0, DETECTOR, AudioConfig("logmel"), sampling, speaker,
        "base.mp4" if footage else None,
    )  # fmt: skip
    if footage:
        (folder / "footage").mkdir()
        write_footage(folder / "footage/base.mp4", footage)
    write_description(folder, description)
    return folder
