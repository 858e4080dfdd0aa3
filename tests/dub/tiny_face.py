"""A face of a few thousand random weights, as `difftalker export` would leave it: real classes, small sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from difftalker.completion.articulation import fit_closed_mouth
from difftalker.completion.head_frame import HeadFrame
from difftalker.completion.network import LandmarkCompletion
from difftalker.compute.device import seeded
from difftalker.config import AudioConfig, DetectorConfig, SamplingConfig
from difftalker.dub.choose_face import make_chooser
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import CropRule, FootageFace, find_face_in_footage
from difftalker.dub.identity import choose_descriptors, upper_face_descriptor
from difftalker.dub.usable_faces import head_turn, shape_deviation
from difftalker.face.crop import crop_geometry, cut_crop, face_width
from difftalker.face.detect_landmarks import detect_landmarks
from difftalker.face.topology import MOUTH
from difftalker.face.tracking import largest_track, track_faces
from difftalker.face_folder import FORMAT, Description, Speaker, write_description
from difftalker.painting.decoder.network import save_prior_decoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import build_small_prior
from difftalker.provenance.consent import Consent, write_exported_consent
from difftalker.talking_face import TalkingFace
from difftalker.version import VERSION
from tests.footage import portrait, write_footage
from tests.painting.small_prior import CONFIG

SIZE = 64
PICTURES = 40
DETECTOR = DetectorConfig(name="mesh", smoothing_frames=0.7, max_gap=5)
CONSENT = Consent("Anna", date(2026, 1, 1), "Tests of this program.", None, None, "0" * 64)
RULE = CropRule(SIZE, 1.7, 0.4, DETECTOR)


def tiny_face(folder: Path, name: str = "tiny", footage: Sequence[np.ndarray] = ()) -> Path:
    """A face of the person in `footage.portrait`, with pictures as its footage where there are any."""
    noise = np.random.default_rng(0).normal(0, 0.004, (200, 68, 2))
    write_face(folder, (_portrait_landmarks() + noise).astype(np.float32), name, "base.mp4" if footage else None)
    if footage:
        (folder / "footage").mkdir()
        write_footage(folder / "footage/base.mp4", footage)
    return folder


@dataclass(frozen=True)
class Tiny:
    """A face, its footage outside of its folder, and what was found in that."""

    folder: Path
    footage: Path
    footage_face: FootageFace

    def load(self, footage: Path | None = None) -> TalkingFace:
        """The face on its footage, or on another file with the same pictures."""
        film = footage or self.footage
        stamps = Footage(film).index()
        known = replace(self.footage_face, stamps=stamps)
        return TalkingFace.load(self.folder, footage=film, footage_face=known, device="cpu")


def make_tiny(folder: Path) -> Tiny:
    """The same, trained on a film in which the portrait sways."""
    footage = write_footage(folder / "base.mp4", pictures())
    choose = make_chooser(None, None, lambda text: None)
    footage_face = find_face_in_footage(Footage(footage), PICTURES, RULE, choose, "cpu", lambda steps: None)
    points = footage_face.landmarks.copy()
    points[:, MOUTH] += np.random.default_rng(0).normal(0, 0.02, (len(points), len(MOUTH), 2)).astype(np.float32)
    descriptors = [
        upper_face_descriptor(cut_crop(picture, footage_face.transforms[i], SIZE), points[i])
        for i, picture in enumerate(pictures())
    ]
    return Tiny(write_face(folder / "face", points, descriptors=np.stack(descriptors)), footage, footage_face)


def pictures(count: int = PICTURES) -> list[np.ndarray]:
    """The portrait, swaying: (280, 280, 3) uint8 each."""
    moved = []
    for index in range(count):
        shift = 4 * np.sin(index / 9), 2 * np.sin(index / 7)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        moved.append(cv2.warpAffine(portrait(), matrix, (280, 280), borderMode=cv2.BORDER_REFLECT))
    return moved


def write_face(
    folder: Path,
    points: np.ndarray,
    name: str = "tiny",
    footage: str | None = None,
    descriptors: np.ndarray | None = None,
) -> Path:
    """Networks whose injections do something, fitted to (n, 68, 2) landmarks, and what the face says of itself."""
    with seeded(0):
        prior = build_small_prior(CONFIG, SIZE).eval()
        prior.vae.fit(np.stack([cv2.resize(picture[90:250, 40:200], (SIZE, SIZE)) for picture in pictures(4)]))
        network = FaceNetwork(prior.unet, prior.reduction)
        for injection in network.injections:
            torch.nn.init.normal_(injection.to_out.weight, std=0.3)  # zero at the start of a training
        completion = LandmarkCompletion(8, 2, 1, "am").eval()
        completion.fit(torch.from_numpy(points), torch.randn(len(points), 16, 29))
    prior.save(folder / "prior")
    completion.save(folder / "landmarks")
    network.save(folder / "face")
    save_prior_decoder(folder / "decoder")
    heads = HeadFrame(points, completion.mean_shape.numpy()).normalise(points)
    turns, deviations = head_turn(points), shape_deviation(heads, completion)
    speaker = Speaker(
        closed_mouth=fit_closed_mouth(heads, np.ones(len(points), bool)).astype(float).tolist(),
        face_position=None,
        head_turn_range=[float(turns.min()), float(turns.max())],
        shape_deviation=[float(np.median(deviations)), float(deviations.max())],
        face_descriptors=choose_descriptors(descriptors, 4).astype(float).tolist() if descriptors is not None else None,
    )
    description = Description(
        format=FORMAT,
        name=name,
        version=VERSION,
        size=SIZE,
        crop_scale=RULE.crop_scale,
        smoothing_seconds=RULE.smoothing,
        fps=25.0,
        detector=DETECTOR,
        audio=AudioConfig(encoder="whisper"),
        sampling=SamplingConfig(steps=1, batch_size=8, seed=0),
        speaker=speaker,
        footage=footage,
    )
    write_description(folder, description)
    write_exported_consent(folder, [CONSENT])
    return folder


@lru_cache(maxsize=1)
def _portrait_landmarks() -> np.ndarray:
    """(68, 2) over the crop size."""
    cast = next(track_faces([[portrait()]]))
    track = cast.track(largest_track(cast.tracks))
    geometry = crop_geometry(track, float(face_width(track.points[0])), SIZE, RULE.crop_scale, 0.0, 25.0)
    points, _ = detect_landmarks([cut_crop(portrait(), geometry.transforms[0], SIZE)], geometry.regions, DETECTOR)
    return points[0]
