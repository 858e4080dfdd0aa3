"""Do lips close where they must: the detected gap at b and p, ours against dlib's 68 points.

    pip install --target /tmp/dlib --no-deps dlib-bin face_recognition_models    # for this row alone
    PYTHONPATH=/tmp/dlib python -m benchmarks.closure CLIPS ALIGNMENTS

CLIPS holds films of one speaker, ALIGNMENTS for each `<name>.align` with lines `start end word` in 1/25,000 s, as the
GRID corpus has them. Words that begin with b or p begin with lips shut, so the smallest gap of the inner lips about
their beginning should be 0. It is given as a share of the clip's 95th percentile: lips that never open gain nothing.
Landmarks are those of the pipeline (`difftalker.dub.footage_face`); dlib's box is looked for in every frame.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from difftalker.config import DetectorConfig
from difftalker.dub.choose_face import make_chooser
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import CropRule, find_face_in_footage
from difftalker.errors import UserError
from difftalker.evaluation.metrics.mouth_opening import mouth_opening

TICKS = 25_000  # of an alignment file, per second
BEFORE, AFTER = 0.12, 0.08  # seconds about a word's beginning in which the lips are shut at some time
_RULE = CropRule(128, 1.25, 0.4, DetectorConfig(name="mesh", smoothing_frames=0.7, max_gap=5))
_MODEL = "models/shape_predictor_68_face_landmarks.dat"
_GET = "pip install --target /tmp/dlib --no-deps dlib-bin face_recognition_models; PYTHONPATH=/tmp/dlib"

Detector = Callable[[Path], np.ndarray]
"""A film's landmarks: (frames, 68, 2), rows of NaN where there is no face."""


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("alignments", type=Path)
    parser.add_argument("--most", type=int, default=60, help="clips, the first by name")
    arguments = parser.parse_args(words)
    pairs = [
        (clip, arguments.alignments / f"{clip.stem}.align")
        for clip in sorted(arguments.clips.iterdir())[: arguments.most]
    ]
    dlib_missing = importlib.util.find_spec("dlib") is None
    print("| lips at b and p | closures | gap over wide open: median | mean | 90th percentile |\n|---|--:|--:|--:|--:|")
    print(line("ours", closures(pairs, mesh_points)), flush=True)
    if dlib_missing:
        print(f"| dlib, 68 points | | waiting: `{_GET} python -m benchmarks.closure CLIPS ALIGNMENTS` | | |")
    else:
        print(line("dlib, 68 points", closures(pairs, dlib_points())))


def line(name: str, gaps: np.ndarray) -> str:
    median, mean, most = np.median(gaps), gaps.mean(), np.percentile(gaps, 90)
    return f"| {name} | {len(gaps)} | {median:.3f} | {mean:.3f} | {most:.3f} |"


def closures(pairs: list[tuple[Path, Path]], detect: Detector) -> np.ndarray:
    """The smallest relative gap at every b and p that begins a word.

    Raises:
        UserError: there is no such word.
    """
    found = [gap for clip, alignment in pairs for gap in gaps_at(alignment, mouth_opening(detect(clip)))]
    if not found:
        raise UserError(f"{pairs[0][1].parent if pairs else 'alignments'}: no word that begins with b or p")
    return np.array(found)


def gaps_at(alignment: Path, opening: np.ndarray, fps: float = 25.0) -> Iterator[float]:
    """The gaps of one clip, from its opening per frame, (frames,)."""
    wide = np.nanpercentile(opening, 95)
    for start in bilabial_starts(alignment.read_text(encoding="utf-8")):
        first, last = max(0, round((start - BEFORE) * fps)), round((start + AFTER) * fps) + 1
        about = opening[first:last]
        if len(about) and np.isfinite(about).any():
            yield float(np.nanmin(about) / wide)


def bilabial_starts(text: str) -> list[float]:
    """Seconds at which a word with b or p begins, by an alignment file."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return [int(start) / TICKS for start, _, word in lines if word[0] in "bp"]


def mesh_points(film: Path) -> np.ndarray:
    """The pipeline's landmarks."""
    footage = Footage(film)
    choose = make_chooser(None, None, lambda text: None)
    face = find_face_in_footage(footage, sys.maxsize, _RULE, choose, "cpu", lambda steps: None)
    return np.where(face.valid[:, None, None], face.landmarks, np.nan)


def dlib_points() -> Detector:
    """dlib's detector of faces and its predictor of 68 points, in pixels."""
    import dlib  # type: ignore[import-not-found]

    found = importlib.util.find_spec("face_recognition_models")
    if found is None or found.origin is None:
        raise UserError(f"face_recognition_models is missing: {_GET}")
    search: Any = dlib.get_frontal_face_detector()
    predict: Any = dlib.shape_predictor(str(Path(found.origin).parent / _MODEL))

    def detect(film: Path) -> np.ndarray:
        rows = []
        for picture in Footage(film).scan(sys.maxsize):
            boxes = search(picture, 0)
            if not len(boxes):
                rows.append(np.full((68, 2), np.nan))
                continue
            shape = predict(picture, max(boxes, key=lambda box: box.area()))
            rows.append(np.array([(part.x, part.y) for part in shape.parts()], float))
        return np.stack(rows)

    return detect


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
