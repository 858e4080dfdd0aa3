"""What a user may choose for a film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict

from difftalker.dub.segment import Codec

StageProgress = Callable[[str, int, int], None]  # stage (`detect`, `draw`, `paint`), steps done, steps in all
StepsDone = Callable[[int], None]  # number of steps just done


@dataclass(frozen=True)
class DubSettings:
    """Attributes:
    codec: `h264`, or `lossless`.
    track: which of several faces, counted from the left, from 1; None chooses by place and size.
    label: burn a small visible note into the pictures.
    watermark: put an imperceptible mark into the painted part, which `difftalker verify` finds.
    mouth_gain: factor of the gap between the lips; 1 leaves it as it is.
    smoothing: standard deviation of a Gaussian on the mouth's motion, in seconds.
    batch_size: frames painted at once; None takes the face's own.
    segment: frames of a stretch that is encoded on its own.
    audio_track: which of the speech file's sound tracks, from 1; None takes its default.
    """

    codec: Codec = "h264"
    track: int | None = None
    label: bool = False
    mouth_gain: float = 1.0
    smoothing: float = 0.0
    batch_size: int | None = None
    segment: int = 240
    watermark: bool = False
    audio_track: int | None = None


class RunOptions(TypedDict, total=False):
    """What the methods of `TalkingFace` have in common: `settings`, `progress` and `cancel`, as in its `dub`."""

    settings: DubSettings | None
    progress: StageProgress
    cancel: Callable[[], bool]


@dataclass
class DubReport:
    """What was made.

    Attributes:
        frames: number of frames.
        fps: frames per second of the film.
        unpainted: (first, last) times in seconds of the stretches that show the source unchanged.
        warnings: one line each.
        seconds: time spent by part: detect, decode, audio, landmarks, encode latents, sample, decode latents,
            composite, encode; and `total`. Parts overlap.
    """

    frames: int = 0
    fps: float = 0.0
    unpainted: list[tuple[float, float]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class Interrupted(Exception):
    """The work was stopped on request.

    Attributes:
        path: the playable part that was made, or None.
        seconds: its length.
    """

    def __init__(self, path: object, seconds: float) -> None:
        super().__init__(f"stopped after {seconds:.2f} s")
        self.path, self.seconds = path, seconds


def count_steps(stage: str, total: int, progress: StageProgress, stop: Callable[[], bool]) -> StepsDone:
    """Add up the steps of a stage.

    Args:
        stage: its name.
        total: steps to come.
        progress: told of the sum.
        stop: asked before every step whether to stop.

    Returns:
        What to call with the number of steps just done; it raises `Interrupted` when `stop` says so.
    """
    done = 0

    def tick(steps: int) -> None:
        nonlocal done
        if stop():
            raise Interrupted(None, 0.0)
        done += steps
        progress(stage, done, total)

    return tick
