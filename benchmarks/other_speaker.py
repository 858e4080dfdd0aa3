"""Does the mouth of a film follow a speaker whom the face never heard? Compared with that speaker's own mouth.

    python -m benchmarks.other_speaker speaker.mp4 another.mp4=another.wav --films /tmp/films

Dubs the face's own footage with the sound of films of other people, found beside the film where a name is given, and
looks for the mouth's opening in both, over the face's width, with the face's detector. Prints Pearson's r, the slope
of the film's opening over the speaker's, and the share of the speaker's closures at which the film closes
(docs/evaluation.md). People open their mouths differently far, so the slope need not be 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from difftalker.dub.settings import DubSettings
from difftalker.evaluation.metrics.mouth_opening import closure_score, opening_score, relative_opening
from difftalker.evaluation.reference_film import CropSettings, read_reference
from difftalker.media.decode import frame_count
from difftalker.media.probe import probe
from difftalker.project import MODELS, load_face
from difftalker.talking_face import TalkingFace


def openings(film: Path, face: TalkingFace, fps: float, count: int) -> np.ndarray:
    """The mouth's opening in the first frames of a film, (count,); NaN where there is no usable face."""
    crop = CropSettings("face", face.description.size, face.description.crop_scale, face.description.smoothing_seconds)
    rows = read_reference(film, fps, count, crop, face.description.detector, face.device).rows
    found = np.full(count, np.nan)
    found[rows.frame] = relative_opening(rows.landmarks)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speakers", nargs="+", metavar="FILM[=SOUND]")
    parser.add_argument("--face", type=Path, default=MODELS)
    parser.add_argument("--seconds", type=float, default=30.0, help="of every film at most")
    parser.add_argument("--films", type=Path, help="keep the films there")
    arguments = parser.parse_args()
    face = load_face(arguments.face)
    print(f"{'':24}{'frames':>8}{'r':>8}{'slope':>8}{'closure':>9}{'moments':>9}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.films or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for text in arguments.speakers:
            speaker, _, sound = text.partition("=")
            film = folder / f"{Path(speaker).stem}.mkv"
            report = face.dub(sound or speaker, film, settings=DubSettings(codec="lossless"), overwrite=True)
            for warning in report.warnings:
                print(f"warning: {warning}", file=sys.stderr)
            length = min(report.frames / report.fps, probe(Path(speaker)).duration, arguments.seconds)
            count = frame_count(length, report.fps)
            own, made = (openings(path, face, report.fps, count) for path in (Path(speaker), film))
            score, closed = opening_score(own, made), closure_score(own, made, np.zeros(count, int))
            print(
                f"{Path(speaker).stem:24}{count:8d}{score.r:8.3f}{score.slope:8.2f}{closed.share:9.2f}"
                f"{closed.moments:9d}",
                flush=True,
            )


if __name__ == "__main__":
    main()
