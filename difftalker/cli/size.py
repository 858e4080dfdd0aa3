"""`video.size` for the footage at hand, and the reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from difftalker.config import Params
from difftalker.project import MODELS

if TYPE_CHECKING:
    from difftalker.media.probe import VideoInfo


def size_for(recordings: Sequence[Sequence[VideoInfo]], params: Params, least: int = 0) -> tuple[int, list[str]]:
    """Choose `video.size` by the faces of recordings.

    Args:
        recordings: the files of each.
        params: as they are now.
        least: a size below which it does not go, for recordings that are not among these.

    Returns:
        The size, and lines that say what was chosen, why, and how to change it.

    Raises:
        UserError: a file cannot be read, or the device is not present.
    """
    from difftalker.doctor.measure import typical_face
    from difftalker.doctor.size import choose_size

    now = params.video.size
    if params.prior.source == "huggingface":
        return now, [f"video.size: {now}, for which the imported prior was made"]
    faces = [face for infos in recordings if (face := typical_face(infos)) is not None]
    if not faces:
        return now, [f"video.size: {now} stays: the pictures looked at show no face; `difftalker doctor` looks at all"]
    face = max(faces)
    choice = choose_size(face, params)
    size = max(choice.size, least)
    line = f"video.size: {now} -> {size}" if size != now else f"video.size: {size}"
    line += (
        f": the face is {face:.0f} pixels wide, a crop of {params.frames.crop_scale:g} face widths {choice.needed:.0f}"
    )
    if size < choice.whole:
        line += (
            f"; {size} is as much as this device trains in reasonable time and shows {100 * size / choice.needed:.0f} %"
            f" of the detail, video.size: {choice.whole} in params.yaml all of it"
        )
    elif size > choice.whole:
        line += f"; {size} is kept for the other recordings"
    else:
        line += "; a smaller one would blur it, a larger one costs time (change it in params.yaml)"
    lines = [line]
    if size != now and (MODELS / "face").exists():
        lines.append(
            f"the models in {MODELS} were trained before this change: `dvc repro` trains them anew at {size} pixels; "
            f"set video.size: {now} to stay"
        )
    return size, lines
