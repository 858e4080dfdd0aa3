"""A film from sound and base footage, in four steps: plan, paint, encode in segments, join with the sound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from difftalker.dub.join import join_film
from difftalker.dub.paint import Painter
from difftalker.dub.parts_folder import PartsFolder, partial_film
from difftalker.dub.plan import FilmRequest, LoadedFace, Plan, make_plan
from difftalker.dub.segment import choose_encoding, write_segment
from difftalker.dub.settings import DubReport, Interrupted, StageProgress, StepsDone, count_steps
from difftalker.files import replacing
from difftalker.media.planes import Picture


def make_film(
    face: LoadedFace,
    request: FilmRequest,
    parts: PartsFolder,
    output: Path,
    metadata: Mapping[str, str],
    report: DubReport,
    progress: StageProgress,
    stop: Callable[[], bool],
    seal: Callable[[Path], None],
) -> None:
    """Make a film, or go on with one that was interrupted.

    Args:
        face: the trained face.
        request: what is asked for.
        parts: where the film's parts are kept until it is whole.
        output: file to write.
        metadata: texts to store in it.
        report: takes warnings, and at the end what was made.
        progress: called with the stage (`detect`, `paint`), the steps done and the steps in all.
        stop: asked before every frame.
        seal: signs a film, whole or the beginning of one, in place.

    Raises:
        Interrupted: `stop` said so; what was made until then is playable.
        UserError: see `make_plan`.
        OSError: the disk is full.
    """
    # 1. Plan: sound.py decodes the sound, footage_face.py finds the face in the footage, and plan.py completes the
    #    landmarks of every frame. What was found in the footage is kept for --resume.
    plan = make_plan(
        face, request, parts.sound, report.warnings.append, lambda total: count_steps("detect", total, progress, stop)
    )
    plan.footage_face.save(parts.face_track)
    # 2. Paint: paint.py generates the lower face, gives it the picture's light (light.py) and blends it into the
    #    picture (paste_back.py). It does so when the encoder asks for frames.
    started = time.perf_counter()
    painter = Painter(plan, face.synthesiser)
    # 3. Encode: segment.py writes some seconds of pictures at a time, each to a file of its own.
    tick = count_steps("paint", plan.frames, progress, lambda: False)
    segments, encoding_seconds = _encode_segments(plan, painter, parts, output, metadata, tick, stop, seal)
    # 4. Join: join.py puts segments and sound into the film, without encoding pictures again. 5. Sign: `seal`.
    with replacing(output) as unsigned:
        join_film(unsigned, segments, plan.footage.rate, plan.sound, metadata)
        seal(unsigned)
    partial_film(output).unlink(missing_ok=True)
    parts.remove()
    report.frames, report.fps, report.unpainted = plan.frames, plan.footage.fps, plan.unpainted()
    report.seconds |= painter.seconds_by_part()
    report.seconds |= {"encode": encoding_seconds, "total": time.perf_counter() - started}


def _encode_segments(
    plan: Plan,
    painter: Painter,
    parts: PartsFolder,
    output: Path,
    metadata: Mapping[str, str],
    tick: StepsDone,
    stop: Callable[[], bool],
    seal: Callable[[Path], None],
) -> tuple[list[Path], float]:
    """Encode all segments that are not there yet; their files in order, and the seconds spent on encoding alone.

    Raises:
        Interrupted: `stop` said so; the segments until then were joined to a playable, signed film.
    """
    length, rate = plan.settings.segment, plan.footage.rate
    encoding = choose_encoding(plan.settings.codec, plan.footage.format, output)
    segments: list[Path] = []
    spent, waited = 0.0, [0.0]
    for number, first in enumerate(range(0, plan.frames, length)):
        last = min(first + length, plan.frames)
        path = parts.segment(number)
        if path.exists():
            tick(last - first)
        else:
            began = time.perf_counter()
            with closing(painter.frames(first, last, stop)) as frames:
                made = write_segment(parts.unfinished_segment, _counted(frames, tick, waited), encoding, rate)
            spent += time.perf_counter() - began
            if made < last - first:
                segments += [parts.unfinished_segment] if made else []
                seconds = (first + made) / plan.footage.fps
                partial = partial_film(output)
                if segments:
                    with replacing(partial) as unsigned:
                        join_film(unsigned, segments, rate, plan.sound, metadata, seconds)
                        seal(unsigned)
                    parts.unfinished_segment.unlink(missing_ok=True)
                raise Interrupted(partial if segments else None, seconds)
            parts.unfinished_segment.rename(path)
        segments.append(path)
    return segments, spent - waited[0]


def _counted(pictures: Iterator[Picture], tick: StepsDone, waited: list[float]) -> Iterator[Picture]:
    """The same pictures; adds up the seconds that they are waited for."""
    began = time.perf_counter()
    for picture in pictures:
        waited[0] += time.perf_counter() - began
        yield picture
        tick(1)
        began = time.perf_counter()
