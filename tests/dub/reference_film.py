"""A film that must come out the same after every change that is not meant to change films.

    python -m tests.dub.reference_film

writes what the tests compare with. Do so only in a commit that says why films are others now.

The film goes through all that a trained face has: landmarks completed and brought to the speaker's opening, rest and
jaw, diffusion, reference decoder, grain, light, blending. Its networks are those of `tiny_face`, with random weights.
Where the face is in the footage is part of the reference: detectors find it 0.0003 of the crop elsewhere on another
processor, which is more than the rounding that is allowed here.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import torch

from difftalker.compute.device import seeded
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import FootageFace
from difftalker.dub.settings import DubSettings
from difftalker.face.crop import cut_crop
from difftalker.face.topology import MOUTH
from difftalker.face_folder import OPENING_LEVELS, read_description, write_description
from difftalker.media.wav import AUDIO_RATE, write_wav
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.talking_face import TalkingFace
from tests.dub.conftest import syllables
from tests.dub.tiny_face import SIZE, Tiny, make_tiny, pictures, write_face
from tests.footage import write_footage

REFERENCE = Path(__file__).parent / "reference_film.npz"
SETTINGS = DubSettings("lossless", mouth_gain=1.1, smoothing=0.02, batch_size=5, segment=7)
_PICTURES = 12  # of the footage
_REFERENCE_FRAMES = [0, 5, 11]  # of the decoder, pictures of the footage
_BLOCK = 14  # pixels: side of the squares of which means are kept
_LOWER_FACE = (slice(126, 196), slice(84, 196))  # rows and columns that are kept whole, of one frame
_FRAME = 4


@dataclass(frozen=True)
class Film:
    """What is compared of a film.

    Attributes:
        landmarks: what it was painted from, (frames, 68, 2) float32 over the crop size.
        means: of squares of 14 x 14 pixels, (frames, 20, 20, 3) float32, grey levels.
        lower_face: the part around the mouth of one frame, (70, 112, 3) uint8 RGB.
    """

    landmarks: np.ndarray
    means: np.ndarray
    lower_face: np.ndarray


def load_reference() -> Film:
    """The film as it was."""
    with np.load(REFERENCE) as data:
        return Film(data["landmarks"], data["means"].astype(np.float32) / 256, data["lower_face"])


def load_track() -> tuple[np.ndarray, np.ndarray]:
    """Where the face is in the footage: transforms (12, 6) float64 and landmarks (12, 68, 2) float32."""
    with np.load(REFERENCE) as data:
        return data["transforms"], data["footage_landmarks"]


def summarise(frames: np.ndarray, landmarks: np.ndarray) -> Film:
    """What is compared of decoded frames (n, 280, 280, 3) uint8 RGB and their landmarks."""
    count, height, width, _ = frames.shape
    squares = frames.reshape(count, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3)
    return Film(landmarks, squares.mean((2, 4), dtype=np.float32), frames[_FRAME][_LOWER_FACE])


def make_face(folder: Path, transforms: np.ndarray, landmarks: np.ndarray) -> Tiny:
    """A tiny face with a reference decoder and all measures of the speaker, and its footage."""
    shown = pictures(_PICTURES)
    footage = write_footage(folder / "base.mp4", shown)
    noise = np.random.default_rng(0).normal(0, 0.02, (len(landmarks), len(MOUTH), 2)).astype(np.float32)
    points = landmarks.copy()
    points[:, MOUTH] += noise
    write_face(folder / "face", points)
    with seeded(5):
        decoder = ReferenceDecoder(SIZE, len(_REFERENCE_FRAMES), 8).eval()
        torch.nn.init.normal_(decoder.conv_out.weight, std=0.05)
        jaw = 0.1 * torch.randn(41, 18)
    jaw[-1] = 0.0
    images = np.stack([cut_crop(shown[index], transforms[index], SIZE) for index in _REFERENCE_FRAMES])
    decoder.set_references(images, landmarks[_REFERENCE_FRAMES])
    decoder.grain_strength.fill_(1.5)
    decoder.save(folder / "face/decoder")
    opening = np.stack([np.linspace(0.0, 0.1, OPENING_LEVELS), np.linspace(0.0, 0.12, OPENING_LEVELS)])
    description = read_description(folder / "face")
    speaker = replace(description.speaker, opening=opening.tolist(), jaw=jaw.double().tolist())
    write_description(folder / "face", replace(description, speaker=speaker))
    stamps = Footage(footage).index()
    found = FootageFace.of_speaker(transforms, landmarks, np.ones(len(landmarks), bool), stamps)
    return Tiny(folder / "face", footage, found)


def make_film(face: TalkingFace, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Dub 0.2 s of noise and 0.4 s of silence: frames (15, 280, 280, 3) uint8 RGB, landmarks (15, 68, 2) float32."""
    sound = np.concatenate([syllables(0.2), np.zeros(round(0.4 * AUDIO_RATE), np.int16)])
    write_wav(folder / "speech.wav", [sound])
    face.dub(folder / "speech.wav", folder / "film.mkv", settings=SETTINGS)
    with av.open(str(folder / "film.mkv")) as container:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    return frames, face.landmarks(folder / "speech.wav", settings=SETTINGS)


def main() -> None:
    """Make the reference anew."""
    with tempfile.TemporaryDirectory() as name:
        if REFERENCE.exists():
            transforms, landmarks = load_track()
        else:
            found = make_tiny(Path(name)).footage_face
            transforms, landmarks = found.transforms[:_PICTURES], found.landmarks[:_PICTURES]
        (Path(name) / "reference").mkdir()
        face = make_face(Path(name) / "reference", transforms, landmarks).load()
        film = summarise(*make_film(face, Path(name)))
    np.savez_compressed(
        REFERENCE,
        transforms=transforms,
        footage_landmarks=landmarks,
        landmarks=film.landmarks,
        means=np.rint(256 * film.means).astype(np.uint16),  # to 1/256 of a grey level
        lower_face=film.lower_face,
    )


if __name__ == "__main__":
    main()
