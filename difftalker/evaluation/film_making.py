"""Films of a plan, made by the very code of `dub`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.compute as pc
from scipy.signal import resample_poly

from difftalker.dub.base_footage import find_clip
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import FootageFace
from difftalker.dub.segment import choose_encoding, write_segment
from difftalker.dub.settings import DubSettings
from difftalker.errors import UserError
from difftalker.evaluation.film_folder import FilmRecord, film_path, source_film_path, write_records
from difftalker.evaluation.film_plan import PlannedFilm
from difftalker.evaluation.metrics.regions import crop_to_picture, shift_transforms
from difftalker.media.planes import Picture
from difftalker.media.wav import AUDIO_RATE, cut_sound, read_wav, write_wav
from difftalker.tables import read_table, tensor_column
from difftalker.talking_face import TalkingFace

_AROUND = 0.4  # of the crop's side that a film shows beyond the crop: the sync expert's largest crop rule needs it
_GRID = 8  # pixels; films begin at multiples of it, so that halved colour planes can be cut


@dataclass(frozen=True)
class FilmInputs:
    """Where the pipeline keeps what films are made of.

    Attributes:
        raw: folder of the recordings.
        frames: folder of their frames, geometry and sound.
        detected: folder of their landmarks.
        fps: the common frame rate.
        size: side of the crops in pixels.
    """

    raw: Path
    frames: Path
    detected: Path
    fps: float
    size: int


def make_films(
    folder: Path,
    face: TalkingFace,
    planned_films: Sequence[PlannedFilm],
    inputs: FilmInputs,
    tick: Callable[[int], None],
) -> None:
    """Make the films of a plan.

    The face in the pictures is where the pipeline found it: what is measured is the film, not the search for the face.

    Args:
        folder: to write to, see `film_folder`.
        face: dubs them.
        planned_films: what to make.
        inputs: what to make them of.
        tick: called with the number of frames just done.

    Raises:
        UserError: a clip is missing, or shorter than when its frames were extracted.
        Interrupted: the work was stopped.
    """
    sources: dict[str, tuple[tuple[int, int], FootageFace]] = {}
    longest = {
        planned.source: max(t.frames for t in planned_films if t.source == planned.source) for planned in planned_films
    }
    records = []
    with TemporaryDirectory(prefix="difftalker-") as temporary:
        for planned in planned_films:
            source = source_film_path(folder, planned)
            if planned.source not in sources:
                sources[planned.source] = write_source_film(source, planned, longest[planned.source], inputs)
            corner, footage_face = sources[planned.source]
            speech = Path(temporary) / "speech.wav"
            write_wav(speech, [film_speech(planned, inputs)])
            film = film_path(folder, planned)
            film.parent.mkdir(parents=True, exist_ok=True)
            face.footage, face.footage_face = source, footage_face
            given = footage_face.landmarks[: planned.frames] if planned.kind == "detected" else None
            done = 0

            def progress(stage: str, finished: int, total: int) -> None:
                nonlocal done
                if stage == "paint":
                    tick(finished - done)
                    done = finished

            report = face.dub(speech, film, landmarks=given, settings=DubSettings(codec="lossless"), progress=progress)
            unpainted = tuple((round(a * report.fps), round(b * report.fps)) for a, b in report.unpainted)
            records.append(FilmRecord(planned, corner, unpainted))
    write_records(folder, records)


def film_speech(planned: PlannedFilm, inputs: FilmInputs) -> np.ndarray:
    """The sound of a planned film, exactly as long as its film: (n,) int16 at 16 kHz."""
    samples = read_wav(inputs.frames / planned.recording / "audio" / f"{planned.clip}.wav")
    wanted = round(planned.frames / inputs.fps * AUDIO_RATE)
    spoken = cut_sound(samples, planned.first, math.ceil(planned.frames * planned.tempo), inputs.fps)
    if planned.tempo != 1:
        ratio = Fraction(planned.tempo).limit_denominator(100)
        spoken = resample_poly(spoken.astype(np.float64), ratio.denominator, ratio.numerator)
        spoken = np.rint(spoken).clip(-32768, 32767).astype(np.int16)
    return np.pad(spoken[:wanted], (0, max(wanted - len(spoken), 0)))


def write_source_film(
    path: Path, planned: PlannedFilm, frames: int, inputs: FilmInputs
) -> tuple[tuple[int, int], FootageFace]:
    """Write the pictures of a planned film as they are, without loss, cut to the surroundings of the face.

    Args:
        path: film to write.
        planned: names the pictures.
        frames: how many.
        inputs: where they are.

    Returns:
        Column and row at which the film's pictures begin in the footage's, and the face in the film.
    """
    footage = Footage(find_clip(inputs.raw / planned.recording, planned.base_clip), lossless=True)
    footage.rate = Fraction(inputs.fps).limit_denominator(1001)  # the pipeline's time base in place of the file's
    here = pc.field("clip") == planned.base_clip
    places = read_table(inputs.frames / planned.recording / "geometry.parquet").filter(here)
    points = read_table(inputs.detected / f"{planned.recording}.parquet").filter(here)
    chosen = slice(planned.base_first, planned.base_first + frames)
    transforms = tensor_column(places, "transform")[chosen]
    valid = (places.column("valid").to_numpy() & points.column("valid").to_numpy())[chosen]
    _know_pictures(footage, len(places), planned)
    width, height = places.column("source_width")[0].as_py(), places.column("source_height")[0].as_py()
    rows, columns = crop_surroundings(transforms, inputs.size, width, height)
    pictures = (
        _part(picture, rows, columns) for picture in footage.read(np.arange(chosen.start, chosen.start + frames))
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_segment(path, pictures, choose_encoding("lossless", footage.format, path), footage.rate)
    corner = columns.start, rows.start
    stamps = Footage(path, lossless=True).index()
    return corner, FootageFace.of_speaker(
        shift_transforms(transforms, corner), tensor_column(points, "landmarks")[chosen], valid, stamps
    )


def crop_surroundings(transforms: np.ndarray, size: int, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the footage's pictures around all crops, (n, 6) transforms, at multiples of 8."""
    ends = np.array([-_AROUND, 1 + _AROUND])
    corners = np.array([(x, y) for x in ends for y in ends])
    points = np.concatenate([crop_to_picture(corners, transform, size) for transform in transforms])
    low = np.maximum(np.floor(points.min(axis=0) / _GRID).astype(int) * _GRID, 0)
    high = np.minimum(np.ceil(points.max(axis=0) / _GRID).astype(int) * _GRID, (width, height))
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _know_pictures(footage: Footage, count: int, planned: PlannedFilm) -> None:
    """Find the time stamps of the footage's pictures; where the container does not tell them, by decoding it."""
    footage.restore(footage.index())
    if len(footage.stamps) != count:
        for _ in footage.scan(count):
            pass
    if len(footage.stamps) != count:
        raise UserError(
            f"{footage.path}: has {len(footage.stamps)} frames, {count} when its crops were made; run `dvc repro` to "
            f"extract {planned.recording} again"
        )


def _part(picture: Picture, rows: slice, columns: slice) -> Picture:
    planes = []
    for plane in picture.planes:
        down, across = (-(-a // b) for a, b in zip(picture.planes[0].shape, plane.shape, strict=True))
        planes.append(
            plane[rows.start // down : -(-rows.stop // down), columns.start // across : -(-columns.stop // across)]
        )
    return Picture(planes, picture.format, picture.rgb[rows, columns], picture.colour)
