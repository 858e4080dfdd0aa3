"""Which films are made to measure a face by: what is said in each, and over which pictures.

`own`: the held-out speech over its own pictures. The real film is known pixel by pixel.
`detected`: the same, painted from the detected landmarks in place of the completed ones: what painting alone costs.
`driven`: the held-out speech over pictures of the training part, as a user's film is made.
`voice`: the same with the speech played faster by a quarter, and so higher: another voice, whose mouth is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from difftalker.dataset.frames import Dataset, Split

FilmKind = Literal["own", "detected", "driven", "voice"]
FILM_KINDS: tuple[FilmKind, ...] = get_args(FilmKind)

VOICE_TEMPO = 1.25  # of `voice`
_SHORTEST = 6  # frames; the sync expert alone looks at five at once


@dataclass(frozen=True)
class PlannedFilm:
    """One film.

    Attributes:
        kind: see above.
        recording: whose speech and pictures it is made of.
        clip, first: where the speech begins, clip and frame.
        frames: of the film.
        base_clip, base_first: where its pictures begin.
        tempo: how much faster the speech is played.
    """

    kind: FilmKind
    recording: str
    clip: str
    first: int
    frames: int
    base_clip: str
    base_first: int
    tempo: float = 1.0

    @property
    def name(self) -> str:
        """The film's name among those of its kind."""
        return f"{self.recording}-{self.clip}-{self.first:06d}"

    @property
    def source(self) -> str:
        """The name of the film that shows its pictures as they are."""
        return f"{self.recording}-{self.base_clip}-{self.base_first:06d}"

    def spoken_at(self, frames: np.ndarray) -> np.ndarray:
        """Times of the speech at frames of the film, in frames of the speech's clip: (n,) float64."""
        return self.first + frames * self.tempo


@dataclass(frozen=True)
class ClipPart:
    """Frames `first` to `last` of a clip, of which `usable` (last - first + 1,) bool have a face."""

    recording: str
    clip: str
    first: int
    usable: np.ndarray

    def __len__(self) -> int:
        return len(self.usable)


def plan_films(dataset: Dataset, seconds: dict[FilmKind, float]) -> list[PlannedFilm]:
    """Plan the films, shared evenly among the recordings.

    Every stretch of held-out speech is said over its own pictures, and over a stretch of the training part's as long;
    those are spread over the training part's clips.

    Args:
        dataset: all frames, with the split.
        seconds: of film for each kind at most; kinds that are left out are not made.

    Returns:
        The films, kind by kind; none of a kind whose seconds are too few for six frames.
    """
    found: list[PlannedFilm] = []
    recordings = list(dict.fromkeys(dataset.recording.tolist()))
    for kind in FILM_KINDS:
        most = math.floor(seconds.get(kind, 0.0) * dataset.fps / len(recordings))
        for recording in recordings:
            found += _plan_kind(
                kind, clip_parts(dataset, "test", recording), clip_parts(dataset, "train", recording), most
            )
    return found


def clip_parts(dataset: Dataset, split: Split, recording: str) -> list[ClipPart]:
    """The stretches of a part of the split, one per clip, from its first usable frame to its last."""
    found = []
    for clip in dict.fromkeys(dataset.clip[dataset.recording == recording].tolist()):
        inside = np.flatnonzero((dataset.recording == recording) & (dataset.clip == clip))
        of_part = dataset.split[inside] == split
        if of_part.any():
            first, last = np.flatnonzero(of_part)[[0, -1]]
            found.append(ClipPart(recording, clip, int(dataset.frame[inside[first]]), of_part[first : last + 1]))
    return found


def _plan_kind(kind: FilmKind, test: Sequence[ClipPart], train: Sequence[ClipPart], most: int) -> list[PlannedFilm]:
    found: list[PlannedFilm] = []
    left = most
    for index, speech in enumerate(test):
        tempo = VOICE_TEMPO if kind == "voice" else 1.0
        base, start = (speech, 0) if kind in ("own", "detected") else _window(train, index / len(test), len(speech))
        said = min(len(speech), len(base) - start)
        frames = min(math.floor((said - 1) / tempo) + 1, left)
        if frames >= _SHORTEST:
            planned = PlannedFilm(
                kind, speech.recording, speech.clip, speech.first, frames, base.clip, base.first + start, tempo
            )
            found.append(planned)
            left -= frames
    return found


def _window(train: Sequence[ClipPart], share: float, frames: int) -> tuple[ClipPart, int]:
    """A stretch of pictures, and where in it to begin: of the clips long enough, the one at that share of them; in it
    where most faces are usable."""
    fitting = [stretch for stretch in train if len(stretch) >= frames] or [max(train, key=len)]
    chosen = fitting[int(share * len(fitting))]
    length = min(frames, len(chosen))
    usable = np.convolve(chosen.usable, np.ones(length), mode="valid")
    return chosen, int(np.argmax(np.rint(usable)))


def spoken_landmarks(dataset: Dataset, planned: PlannedFilm) -> np.ndarray:
    """The speaker's landmarks while saying what each frame of the film says, (frames, 68, 2); NaN where unknown."""
    times = planned.spoken_at(np.arange(planned.frames))
    before, weight = np.floor(times).astype(int), (times % 1)[:, None, None]
    first, second = (dataset.find(planned.recording, planned.clip, at) for at in (before, before + (times % 1 > 0)))
    points = (1 - weight) * dataset.landmarks[first] + weight * dataset.landmarks[second]
    points[(first < 0) | (second < 0)] = np.nan
    return points
