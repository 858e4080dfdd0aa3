"""From a plan to a finished file: segment after segment, resumable, then joined with the sound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from difftalker.dub.join import join_film
from difftalker.dub.output import disk
from difftalker.dub.paint import Painter
from difftalker.dub.parts_folder import Work, partial_name
from difftalker.dub.plan import Plan
from difftalker.dub.segment import choose_encoding, write_segment
from difftalker.dub.settings import Interrupted
from difftalker.files import replacing
from difftalker.media.planes import Picture


def make_film(
    plan: Plan,
    painter: Painter,
    work: Work,
    output: Path,
    metadata: Mapping[str, str],
    tick: Callable[[int], None],
    stop: Callable[[], bool],
    seal: Callable[[Path], None],
) -> dict[str, float]:
    """Paint, encode, join and sign a film.

    Args:
        plan: what is to be made.
        painter: paints its frames.
        work: where its parts are kept.
        output: file to write.
        metadata: texts to store in it.
        tick: called with the number of frames just done.
        stop: asked before every frame.
        seal: signs a film, whole or the beginning of one, in place.

    Returns:
        Seconds spent by part.

    Raises:
        Interrupted: `stop` said so; what was made until then is playable.
        UserError: the disk is full.
    """
    started = time.perf_counter()
    length, rate = plan.settings.segment, plan.footage.rate
    encoding = choose_encoding(plan.settings.codec, plan.footage.format, output)
    segments: list[Path] = []
    partial = partial_name(output)
    encoding_time, waited = 0.0, [0.0]
    with disk(output):
        for number, first in enumerate(range(0, plan.frames, length)):
            last = min(first + length, plan.frames)
            path = work.segment(number)
            if path.exists():
                tick(last - first)
            else:
                began = time.perf_counter()
                with closing(painter.frames(first, last, stop)) as frames:
                    made = write_segment(work.tail, _counted(frames, tick, waited), encoding, rate)
                encoding_time += time.perf_counter() - began
                if made < last - first:
                    segments += [work.tail] if made else []
                    seconds = (first + made) / plan.footage.fps
                    if segments:
                        with replacing(partial) as unsigned:
                            join_film(unsigned, segments, rate, plan.sound, metadata, seconds)
                            seal(unsigned)
                        work.tail.unlink(missing_ok=True)
                    raise Interrupted(partial if segments else None, seconds)
                work.tail.rename(path)
            segments.append(path)
        with replacing(output) as unsigned:
            join_film(unsigned, segments, rate, plan.sound, metadata)
            seal(unsigned)
    partial.unlink(missing_ok=True)
    work.remove()
    parts = painter.parts()
    total = time.perf_counter() - started
    return parts | {"encode": encoding_time - waited[0], "total": total}


def _counted(pictures: Iterator[Picture], tick: Callable[[int], None], waited: list[float]) -> Iterator[Picture]:
    """The same pictures; adds up the seconds that they are waited for."""
    began = time.perf_counter()
    for picture in pictures:
        waited[0] += time.perf_counter() - began
        yield picture
        tick(1)
        began = time.perf_counter()
