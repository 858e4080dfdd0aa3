"""All that decides a film before anything is painted: sound, footage, the face in it, and the landmarks over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from difftalker.audio.encoder import FeatureWindows, make_encoder
from difftalker.audio.voice_activity import is_steady, silence_weight, silent_rows
from difftalker.completion.articulation import apply_jaw, close_mouth_in_silence, match_opening
from difftalker.completion.edit import scale_opening, smooth_mouth
from difftalker.completion.head_frame import UPPER_FACE_SMOOTHING, HeadFrame, smooth_in_head_frame
from difftalker.completion.landmark_file import read_completed
from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.config import Device
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import FootageFace, find_speaker_in_footage
from difftalker.dub.identity import speaker_shots
from difftalker.dub.picture_order import picture_order, turning_points
from difftalker.dub.settings import DubSettings, StepsDone
from difftalker.dub.sound import Sound, spool_sound
from difftalker.dub.usable_faces import is_within_training, painting_opacity, shape_deviation
from difftalker.errors import UserError
from difftalker.face.crop import cut_crop
from difftalker.face.shots import shot_slices
from difftalker.face.topology import COMPLETED_POINTS
from difftalker.face_folder import Description
from difftalker.intervals import true_intervals
from difftalker.media.decode import frame_count
from difftalker.painting.synthesis import Synthesiser

_BATCH = 256  # frames completed at once
_PART = 4096  # frames whose features are held at once
_REACH = 4  # standard deviations at which the smoothing filter ends


@dataclass(frozen=True)
class LoadedFace:
    """A trained face in memory.

    Attributes:
        description: what it is.
        completion: its landmark network, in eval mode.
        synthesiser: its other networks.
        device: where audio encoder and detector run.
    """

    description: Description
    completion: LandmarkCompletion
    synthesiser: Synthesiser
    device: Device


@dataclass(frozen=True)
class FilmRequest:
    """What is asked for.

    Attributes:
        audio: file with the speech.
        video: file with the base footage.
        footage_face: what is known of the face in it; None searches for it.
        landmarks: what to paint from in place of what the network completes: (frames, 68, 2) over the crop size, or a
            file of `completion.landmark_file.write_completed`.
        settings: the user's choices.
    """

    audio: Path
    video: Path
    footage_face: FootageFace | None
    landmarks: np.ndarray | Path | None
    settings: DubSettings


@dataclass
class Plan:
    """A film to be made.

    Attributes:
        sound, footage, footage_face: what it is made of.
        picture_order: which picture each frame shows, (frames,) int64.
        opacity: how much of the painting is shown in every picture of the footage, (pictures,) float32.
        silence: weight of the mouth at rest in every frame, (frames,) float32.
        features: audio features of every frame.
        model: the landmark network.
        smoothed_face: the footage's landmarks in the head's frame without quick motion, (pictures, 68, 2) float32, from
            which mouth and chin are completed.
        closed_mouth: the mouth at rest, (20, 2).
        opening: how far the speaker opens the mouth, (2, 65), or None.
        jaw: how the lower contour follows the mouth, (41, 18), or None.
        settings: the user's choices.
        size: side of the crops in pixels.
        crop_scale: the same in face widths.
        given_landmarks: landmarks that replace the completed ones, (frames, 68, 2), or None.
    """

    sound: Sound
    footage: Footage
    footage_face: FootageFace
    picture_order: np.ndarray
    opacity: np.ndarray
    silence: np.ndarray
    features: FeatureWindows
    model: LandmarkCompletion
    smoothed_face: np.ndarray
    closed_mouth: np.ndarray
    opening: np.ndarray | None
    jaw: np.ndarray | None
    settings: DubSettings
    size: int
    crop_scale: float
    given_landmarks: np.ndarray | None = None

    @property
    def frames(self) -> int:
        """Number of frames: round(duration * fps)."""
        return len(self.picture_order)

    def landmarks(self, first: int, last: int) -> np.ndarray:
        """Landmarks of the frames `first` to `last` (exclusive), (n, 68, 2) float32 over the crop size."""
        if self.given_landmarks is not None:
            return self.given_landmarks[first:last]
        width = self.settings.smoothing * self.footage.fps
        margin = round(_REACH * width) + 1 if width > 0 else 0
        begin, end = max(first - margin, 0), min(last + margin, self.frames)
        pictures = self.picture_order[begin:end]
        shape = self.model.mean_shape.cpu().numpy()
        points = complete(self.model, self.smoothed_face[pictures], self.features.read(begin, end), _BATCH)
        if self.opening is not None:
            points = match_opening(points, self.opening)
        points = close_mouth_in_silence(points, self.closed_mouth, self.silence[begin:end])
        points = scale_opening(points, self.settings.mouth_gain)
        if self.jaw is not None:
            points = apply_jaw(points, shape, self.jaw)
        completed = self.footage_face.landmarks[pictures]
        completed[:, COMPLETED_POINTS] = HeadFrame(completed, shape).restore(points[:, COMPLETED_POINTS])
        return smooth_mouth(completed, self.painted[begin:end], width)[first - begin : last - begin]

    def all_landmarks(self) -> np.ndarray:
        """Landmarks of all frames, (frames, 68, 2) float32; features are held for a part of them at a time."""
        parts = [self.landmarks(at, min(at + _PART, self.frames)) for at in range(0, self.frames, _PART)]
        return np.concatenate(parts)

    @property
    def painted(self) -> np.ndarray:
        """Which frames are painted at all, (frames,) bool; the others show the source."""
        return self.opacity[self.picture_order] > 0

    def crops(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Stream the source's crops of the frames `first` to `last` (exclusive), (size, size, 3) uint8 RGB."""
        order = self.picture_order[first:last]
        for index, picture in zip(order, self.footage.show(order), strict=True):
            yield cut_crop(picture.rgb, self.footage_face.transforms[index], self.size)

    def unpainted(self) -> list[tuple[float, float]]:
        """(first, last) times of the stretches of frames that show the source unchanged."""
        fps = self.footage.fps
        return [(start / fps, end / fps) for start, end in true_intervals(~self.painted)]


def make_plan(
    loaded: LoadedFace, request: FilmRequest, spool: Path, warn: Callable[[str], None], tick: Callable[[int], StepsDone]
) -> Plan:
    """Read sound and footage, find the face, and put everything on the film's time base.

    Args:
        loaded: the trained face.
        request: what is asked for.
        spool: WAV file to write the sound to.
        warn: told of what the user should know.
        tick: given the number of steps to come, makes the function that is told of steps done.

    Raises:
        UserError: a file cannot be used, the sound is too short for one frame, or no picture can be painted on.
    """
    face, model, settings, footage_face = loaded.description, loaded.completion, request.settings, request.footage_face
    sound = spool_sound(request.audio, spool, settings.audio_track)
    if sound.is_silent:
        warn(f"{sound.source}: is silent; the mouth stays closed")
    elif is_steady(sound.power):
        warn(f"{sound.source}: its loudness hardly changes; noise moves the mouth without sense, give clear speech")
    footage = Footage(request.video, settings.codec == "lossless")
    if footage.has_alpha:
        warn(f"{request.video}: its alpha channel is left out")
    frames = frame_count(sound.duration, footage.fps)
    if frames == 0:
        raise UserError(f"{sound.source}: {sound.duration:.3f} s are too short for one frame; give longer speech")
    pins = face.weights
    # Before the face is looked for: the encoder's weights may be missing.
    encoder = make_encoder(face.audio, pins.deepspeech if pins else None, loaded.device)
    if footage_face is None:
        expected = min(frames, footage.expected or frames)
        footage_face = find_speaker_in_footage(
            face, footage, frames, settings.track, loaded.device, warn, tick(2 * expected)
        )
    footage_face = footage_face.first(frames)
    points = HeadFrame(footage_face.landmarks, model.mean_shape.cpu().numpy()).normalise(footage_face.landmarks)
    paintable = _paintable(footage_face, face, shape_deviation(points, model), footage.path, warn)
    footage.restore(footage_face.stamps)
    places = -footage_face.transforms[:, [2, 5]] / footage_face.transforms[:, :1]
    order = picture_order(frames, len(footage_face), turning_points(places, footage.fps))
    silent = silent_rows(sound.power, sound.level)
    return Plan(
        sound,
        footage,
        footage_face,
        order,
        painting_opacity(paintable, footage_face.shots),
        silence_weight(silent, frames, footage.fps),
        FeatureWindows(encoder, sound, footage.fps),
        model,
        _smoothed_face(points, footage_face.shots, footage.fps),
        np.array(face.speaker.closed_mouth, np.float32),
        np.array(face.speaker.opening, np.float32) if face.speaker.opening is not None else None,
        np.array(face.speaker.jaw, np.float32) if face.speaker.jaw is not None else None,
        settings,
        face.size,
        face.crop_scale,
        None if request.landmarks is None else _given_landmarks(request.landmarks, frames),
    )


def _given_landmarks(landmarks: np.ndarray | Path, frames: int) -> np.ndarray:
    if isinstance(landmarks, Path):
        return read_completed(landmarks, frames)
    if landmarks.shape != (frames, 68, 2):
        raise UserError(f"landmarks of shape {landmarks.shape} for {frames} frames; give ({frames}, 68, 2)")
    return landmarks.astype(np.float32)


def _smoothed_face(points: np.ndarray, shots: np.ndarray, fps: float) -> np.ndarray:
    return np.concatenate(
        [smooth_in_head_frame(points[part], UPPER_FACE_SMOOTHING * fps) for part in shot_slices(shots)]
    )


def _paintable(
    footage_face: FootageFace, face: Description, deviations: np.ndarray, path: Path, warn: Callable[[str], None]
) -> np.ndarray:
    """The pictures whose face can be painted on, (n,) bool."""
    if not footage_face.valid.any():
        raise UserError(f"{path}: no frame shows the mouth and chin of a frontal face; give other footage")
    turns = (face.speaker.head_turn_range[0], face.speaker.head_turn_range[1])
    usual, extreme = face.speaker.shape_deviation
    valid = footage_face.valid & _shows_speaker(footage_face, face, deviations, path, warn)
    typical = float(np.median(deviations[valid]))
    if typical > max(2 * usual, extreme):
        warn(
            f"{path}: this face is not shaped like the trained one ({typical:.1f} standard deviations from it, "
            f"{usual:.1f} in the training footage): is it another person?"
        )
        extreme = max(extreme, 1.5 * typical)
    known: np.ndarray = valid & is_within_training(footage_face.landmarks, deviations, turns, extreme)
    if not known.any():
        warn(f"{path}: the head is turned otherwise than in the training footage throughout")
        known = valid
    return known


def _shows_speaker(
    footage_face: FootageFace, face: Description, deviations: np.ndarray, path: Path, warn: Callable[[str], None]
) -> np.ndarray:
    """The pictures of shots that show the trained speaker, (n,) bool."""
    parts = shot_slices(footage_face.shots)
    if face.speaker.face_descriptors is None:
        return np.ones(len(footage_face), bool)
    usual = [deviations[part][footage_face.valid[part]] for part in parts]
    medians = np.array([np.median(values) if len(values) else 0.0 for values in usual])
    known = np.array(face.speaker.face_descriptors, np.float32)
    own = speaker_shots(footage_face.descriptors[: len(parts)], medians / face.speaker.shape_deviation[1], known)
    result = np.concatenate([np.full(part.stop - part.start, shown) for part, shown in zip(parts, own, strict=True)])
    if not own.all():
        warn(f"{path}: {len(own) - own.sum()} of {len(own)} shots show another person and are left as they are")
    return result
