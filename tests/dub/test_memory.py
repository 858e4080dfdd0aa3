"""A film's length does not change what is held in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.dub.tiny_face import PICTURES, Tiny, pictures
from tests.footage import write_footage

ROOT = Path(__file__).parents[2]
SCRIPT = """
import resource, sys
from pathlib import Path
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import FootageFace
from difftalker.talking_face import TalkingFace
folder, film, footage_face, out, *sounds = map(Path, sys.argv[1:])
known = FootageFace.load(footage_face)
known = FootageFace.of_speaker(known.transforms, known.landmarks, known.valid, Footage(film).index())
face = TalkingFace.load(folder, footage=film, footage_face=known, device="cpu")
for sound in sounds:
    face.dub(sound, out, overwrite=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peaks(tiny: Tiny, film: Path, sounds: Sequence[Path], out: Path) -> list[int]:
    """Peak memory in kilobytes of a process that makes one film after the other, after each of them."""
    footage_face = out.with_suffix(".safetensors")
    tiny.footage_face.save(footage_face)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tiny.folder, film, footage_face, out, *sounds],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [int(line) for line in done.stdout.split()]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Five frames per second, so that long films have few frames; shown forwards and backwards."""
    return write_footage(tmp_path / "base.mp4", pictures(PICTURES), 5.0)


@pytest.mark.parametrize(
    ("short", "long"), [(10.0, 60.0), pytest.param(60.0, 600.0, marks=pytest.mark.slow)], ids=["minute", "ten minutes"]
)
def test_peak_does_not_grow(
    tiny: Tiny, film: Path, speech: Callable[..., Path], tmp_path: Path, short: float, long: float
) -> None:
    first, second = peaks(tiny, film, [speech(short), speech(long)], tmp_path / "out.mp4")
    assert second < 1.1 * first, f"{short:g} s: {first // 1024} MB, {long:g} s: {second // 1024} MB"
