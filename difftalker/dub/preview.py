"""A film of a plan's landmarks, to look at before the costly pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from difftalker.dub.plan import Plan
from difftalker.face.crop import cut_crop
from difftalker.face.draw import PANEL_SIDE, preview_frames
from difftalker.media.encode import write_video


def write_preview(
    output: Path, plan: Plan, landmarks: np.ndarray, metadata: Mapping[str, str], tick: Callable[[int], None]
) -> None:
    """Write a film, whole or absent: the face in the base footage with its landmarks, and the sound.

    Args:
        output: an `.mp4` file.
        plan: what would be made.
        landmarks: of its frames, (frames, 68, 2), over the crop size.
        metadata: texts to store.
        tick: called with the number of frames just done.
    """
    factor = PANEL_SIDE / plan.size  # crops are cut again from the footage, large enough to look at
    transforms = factor * plan.footage_face.transforms
    transforms[:, [2, 5]] += (factor - 1) / 2  # pixel centres are at integers

    def crops() -> Iterator[np.ndarray]:
        for index, picture in zip(plan.picture_order, plan.footage.show(plan.picture_order), strict=True):
            yield cut_crop(picture.rgb, transforms[index], PANEL_SIDE)
            tick(1)

    frames = preview_frames(crops(), landmarks, plan.painted, plan.footage.fps)
    write_video(output, frames, plan.footage.fps, plan.sound.mapped(), metadata)
