"""What may be uploaded, and how it is checked before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av

from difftalker.dub.sound import ffmpeg_reason, open_sound, sound_of
from difftalker.errors import UserError


@dataclass(frozen=True)
class Limits:
    """Bounds of one upload.

    Attributes:
        megabytes: size of a file, in units of 2^20 bytes.
        minutes: length of the sound.
    """

    megabytes: int = 500
    minutes: float = 10.0


def sound_seconds(path: Path, limits: Limits) -> float:
    """Length of a sound in seconds. Decoding stops where the limit is passed, so that hours cost no more than minutes.

    Raises:
        UserError: the file holds no readable sound, or more of it than allowed.
    """
    seconds = 0.0
    try:
        with open_sound(path) as container:
            for frame in container.decode(sound_of(container)):
                seconds += frame.samples / frame.sample_rate
                if seconds > 60 * limits.minutes:
                    raise UserError(
                        f"{path.name}: is longer than {limits.minutes:g} minutes; shorten it, "
                        "or start the app with a larger --max-minutes"
                    )
    except av.FFmpegError as error:
        reason = ffmpeg_reason(error)
        raise UserError(
            f"{path.name}: sound cannot be decoded after {seconds:.2f} s ({reason}); export it again"
        ) from None
    if seconds == 0:
        raise UserError(f"{path.name}: holds no sound; give a file with speech")
    return seconds
