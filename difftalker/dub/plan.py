"""All that decides a film before anything is painted: sound, footage, the face in it, and the landmarks over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from difftalker.audio.encoder import make_encoder
from difftalker.audio.silence import rest, silent_rows
from difftalker.completion.closed_mouth import settle
from difftalker.completion.edit import scale_opening, smooth_completed
from difftalker.completion.jaw import move_jaw
from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.completion.opening import match_opening
from difftalker.completion.resting_face import CALM, calm
from difftalker.dub.audio_features import Features
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import Scene, Tick, search
from difftalker.dub.identity import speaker_shots
from difftalker.dub.picture_order import picture_order, turning_points
from difftalker.dub.settings import Settings
from difftalker.dub.sound import Sound
from difftalker.dub.usable_faces import familiar, strangeness, visibility
from difftalker.errors import UserError
from difftalker.face.crop import cut
from difftalker.face.shots import parts_of
from difftalker.face.topology import CONDITION
from difftalker.face_folder import Description
from difftalker.media.decode import frame_count

_BATCH = 256  # frames completed at once
_PART = 4096  # frames whose features are held at once
_REACH = 4  # standard deviations at which the smoothing filter ends


@dataclass
class Plan:
    """A film to be made.

    Attributes:
        sound, footage, scene: what it is made of.
        order: which picture each frame shows, (frames,) int64.
        shown: how much of the painting is shown in every picture of the scene, (pictures,) float32.
        rest: how far the mouth is at rest in every frame, (frames,) float32.
        features: audio features of every frame.
        model: the landmark network.
        calm: the scene's landmarks without quick motion, (pictures, 68, 2), from which mouth and chin are completed.
        closed: mouth at rest, (20, 2).
        opening: how far the speaker opens the mouth, (2, 65), or None.
        jaw: how the lower contour follows the mouth, (41, 18), or None.
        settings: the user's choices.
        size: side of the crops in pixels.
        margin: the same in face widths.
        given: landmarks that replace the completed ones, (frames, 68, 2), or None.
    """

    sound: Sound
    footage: Footage
    scene: Scene
    order: np.ndarray
    shown: np.ndarray
    rest: np.ndarray
    features: Features
    model: LandmarkCompletion
    calm: np.ndarray
    closed: np.ndarray
    opening: np.ndarray | None
    jaw: np.ndarray | None
    settings: Settings
    size: int
    margin: float
    given: np.ndarray | None = None

    @property
    def frames(self) -> int:
        """Number of frames: round(duration * fps)."""
        return len(self.order)

    def landmarks(self, first: int, last: int) -> np.ndarray:
        """Landmarks of the frames `first` to `last` (exclusive), (n, 68, 2) float32 over the crop size."""
        if self.given is not None:
            return self.given[first:last]
        width = self.settings.smoothing * self.footage.fps
        margin = round(_REACH * width) + 1 if width > 0 else 0
        begin, end = max(first - margin, 0), min(last + margin, self.frames)
        pictures = self.order[begin:end]
        shape = self.model.mean_shape.cpu().numpy()
        completed = complete(self.model, self.calm[pictures], self.features.read(begin, end), _BATCH)
        completed[:, CONDITION] = self.scene.landmarks[pictures][:, CONDITION]
        if self.opening is not None:
            completed = match_opening(completed, shape, self.opening)
        settled = settle(completed, shape, self.closed, self.rest[begin:end])
        opened = scale_opening(settled, self.settings.mouth_gain)
        if self.jaw is not None:
            opened = move_jaw(opened, shape, self.jaw)
        return smooth_completed(opened, self.painted[begin:end], width)[first - begin : last - begin]

    def all_landmarks(self) -> np.ndarray:
        """Landmarks of all frames, (frames, 68, 2) float32; features are held for a part of them at a time."""
        parts = [self.landmarks(at, min(at + _PART, self.frames)) for at in range(0, self.frames, _PART)]
        return np.concatenate(parts)

    @property
    def painted(self) -> np.ndarray:
        """Which frames are painted at all, (frames,) bool; the others show the source."""
        return self.shown[self.order] > 0

    def crops(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Stream the source's crops of the frames `first` to `last` (exclusive), (size, size, 3) uint8 RGB."""
        order = self.order[first:last]
        for index, picture in zip(order, self.footage.show(order), strict=True):
            yield cut(picture.rgb, self.scene.transforms[index], self.size)

    def unpainted(self) -> list[tuple[float, float]]:
        """(first, last) times of the stretches of frames that show the source unchanged."""
        hidden = np.concatenate([[0], (~self.painted).astype(np.int8), [0]])
        edges = np.flatnonzero(np.diff(hidden)).reshape(-1, 2)
        return [(start / self.footage.fps, end / self.footage.fps) for start, end in edges]


def make_plan(
    face: Description,
    model: LandmarkCompletion,
    sound: Sound,
    footage: Footage,
    scene: Scene | None,
    settings: Settings,
    device: str,
    warn: Callable[[str], None],
    tick: Callable[[int], Tick],
) -> Plan:
    """Survey the footage and put everything on the film's time base.

    Args:
        face: the trained face.
        model: its landmark network, in eval mode.
        sound: what is to be said.
        footage: base footage.
        scene: what is known of the footage, or None.
        settings: the user's choices.
        device: where a network detector runs.
        warn: told of what the user should know.
        tick: given the number of steps to come, makes the function that is told of steps done.

    Raises:
        UserError: the sound is too short for one frame, or no picture can be painted on.
    """
    frames = frame_count(sound.duration, footage.fps)
    if frames == 0:
        raise UserError(f"{sound.source}: {sound.duration:.3f} s are too short for one frame; give longer speech")
    pins = face.weights
    encoder = make_encoder(face.audio, pins.deepspeech if pins else None)  # first: its weights may be missing
    if scene is None:
        expected = min(frames, footage.expected or frames)
        scene = search(face, footage, frames, settings.track, device, warn, tick(2 * expected))
    scene = scene.first(frames)
    familiar_face = _judged(scene, face, model, footage.path, warn)
    footage.restore(scene.stamps)
    places = -scene.transforms[:, [2, 5]] / scene.transforms[:, :1]
    order = picture_order(frames, len(scene), turning_points(places, footage.fps))
    silent = silent_rows(sound.power, sound.level)
    return Plan(
        sound,
        footage,
        scene,
        order,
        visibility(familiar_face, scene.shots),
        rest(silent, frames, footage.fps),
        Features(encoder, sound, footage.fps),
        model,
        _calm(scene, model, footage.fps),
        np.array(face.speaker.closed_mouth, np.float32),
        np.array(face.speaker.opening, np.float32) if face.speaker.opening is not None else None,
        np.array(face.speaker.jaw, np.float32) if face.speaker.jaw is not None else None,
        settings,
        face.size,
        face.margin,
    )


def _calm(scene: Scene, model: LandmarkCompletion, fps: float) -> np.ndarray:
    shape = model.mean_shape.cpu().numpy()
    return np.concatenate([calm(scene.landmarks[part], shape, CALM * fps) for part in parts_of(scene.shots)])


@torch.no_grad()
def _judged(
    scene: Scene, face: Description, model: LandmarkCompletion, path: Path, warn: Callable[[str], None]
) -> np.ndarray:
    """The pictures whose face can be painted on, (n,) bool."""
    if not scene.valid.any():
        raise UserError(f"{path}: no frame shows the mouth and chin of a frontal face; give other footage")
    turns = (face.speaker.turn[0], face.speaker.turn[1])
    usual, extreme = face.speaker.strangeness
    strange = strangeness(scene.landmarks, model)
    valid = scene.valid & _of_speaker(scene, face, strange, path, warn)
    typical = float(np.median(strange[valid]))
    if typical > max(2 * usual, extreme):
        warn(
            f"{path}: this face is not shaped like the trained one ({typical:.1f} standard deviations from it, "
            f"{usual:.1f} in the training footage): is it another person?"
        )
        extreme = max(extreme, 1.5 * typical)
    known: np.ndarray = valid & familiar(scene.landmarks, model, turns, extreme)
    if not known.any():
        warn(f"{path}: the head is turned otherwise than in the training footage throughout")
        known = valid
    return known


def _of_speaker(
    scene: Scene, face: Description, strange: np.ndarray, path: Path, warn: Callable[[str], None]
) -> np.ndarray:
    """The pictures of shots that show the trained speaker, (n,) bool."""
    parts = parts_of(scene.shots)
    if face.speaker.looks is None:
        return np.ones(len(scene), bool)
    usual = [strange[part][scene.valid[part]] for part in parts]
    oddness = np.array([np.median(values) if len(values) else 0.0 for values in usual]) / face.speaker.strangeness[1]
    own = speaker_shots(scene.looks[: len(parts)], oddness, np.array(face.speaker.looks, np.float32))
    result = np.concatenate([np.full(part.stop - part.start, shown) for part, shown in zip(parts, own, strict=True)])
    if not own.all():
        warn(f"{path}: {len(own) - own.sum()} of {len(own)} shots show another person and are left as they are")
    return result
