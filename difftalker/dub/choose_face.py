"""Which of several faces is dubbed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from difftalker.errors import UserError
from difftalker.face.active_speaker import who_speaks
from difftalker.face.tracking import ClipFaces, FaceTrack, join_speaker, track_area

# Of all faces and the power of the sound during every picture (None without sound), at pictures per second, the one.
FaceChooser = Callable[[ClipFaces, np.ndarray | None, float], FaceTrack]

_MIN_SHARE = 0.1  # share of the longest track's pictures below which a track is no person of its own


def make_chooser(
    position: tuple[float, float, float] | None, number: int | None, warn: Callable[[str], None]
) -> FaceChooser:
    """Choose by number; or the one who speaks; or by position and size of the speaker in the training footage.

    Args:
        position: middle of the face's box (x, y) and its side, as fractions of the picture's width, height and width;
            None follows the largest face.
        number: the face to follow, counted from the left, from 1.
        warn: told of several faces.
    """

    def choose(clip_faces: ClipFaces, power: np.ndarray | None, fps: float) -> FaceTrack:
        tracks, width, height = clip_faces.tracks, clip_faces.width, clip_faces.height
        if not tracks:
            return {}
        longest = max(len(track) for track in tracks)
        people = [track for track in tracks if len(track) >= _MIN_SHARE * longest]
        boxes = [np.median([face.box for face in track.values()], axis=0) for track in people]
        order = sorted(range(len(people)), key=lambda index: float(boxes[index][0]))
        people, boxes = [people[index] for index in order], [boxes[index] for index in order]
        beside = _together(people)
        if number is not None:
            if not 1 <= number <= len(people):
                found = "1 face was found" if len(people) == 1 else f"{len(people)} faces were found"
                raise UserError(f"--track {number}: {found}; they are numbered from the left from 1")
            return join_speaker(people[number - 1], tracks)

        def distance(index: int) -> tuple[float, float]:
            x, y, side = _position(boxes[index], width, height)
            if position is None or not beside:
                return 0.0, -track_area(people[index])
            return abs(x - position[0]) + abs(y - position[1]) + abs(np.log(side / position[2])), -track_area(
                people[index]
            )

        speaking = who_speaks(people, power, fps) if power is not None else None
        chosen = min(range(len(people)), key=distance) if speaking is None else speaking
        if beside:
            places = ", ".join(
                f"{index + 1} at {_position(box, width, height)[0]:.0%} of the width" for index, box in enumerate(boxes)
            )
            warn(f"several faces ({places}): face {chosen + 1} is dubbed; choose another with --track")
        return join_speaker(people[chosen], tracks)

    return choose


def _position(box: np.ndarray, width: float, height: float) -> tuple[float, float, float]:
    return float(box[0] + box[2]) / 2 / width, float(box[1] + box[3]) / 2 / height, float(box[2] - box[0]) / width


def _together(people: Sequence[FaceTrack]) -> bool:
    return any(people[first].keys() & people[second].keys() for first in range(len(people)) for second in range(first))
