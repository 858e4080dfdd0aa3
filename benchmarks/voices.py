"""Does landmark completion understand voices that it never heard? Measured on the demo speaker, whose mouth is known.

    python -m benchmarks.voices --model data/models/landmarks --dataset data/processed/dataset.parquet en-us+f3 en-us+m7

Renders the demo with each eSpeak NG voice, takes it through the pipeline's own stages and completes its landmarks.
Prints the mean Euclidean distance (fractions of the crop side) and how the mouth's opening correlates with the truth;
the first row is the test split of the dataset. Run it in the project's folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.dataset.frames import Dataset
from difftalker.evaluation.metrics.mouth_opening import mouth_opening
from difftalker.face.topology import CONTOUR, MOUTH
from difftalker.project import layout_yaml

PREDICTED = np.concatenate([CONTOUR, MOUTH])
STAGES = (
    ("render_demo", "--out data/raw/demo"),
    ("extract_frames", "--recording data/raw/demo --out data/frames/demo"),
    ("detect_landmarks", "--frames data/frames/demo --out data/landmarks/demo.parquet"),
    ("extract_audio", "--frames data/frames/demo --out data/audio/demo.parquet"),
    ("build_dataset", "--frames data/frames --landmarks data/landmarks --audio data/audio --out data/dataset.parquet"),
)


def render(voice: str, seconds: float, folder: Path) -> Dataset:
    """The demo speaker with another voice, as the pipeline sees it."""
    yaml, root = layout_yaml(), Path.cwd()
    params = yaml.load((root / "params.yaml").read_text(encoding="utf-8"))
    params["recordings"][:] = ["demo"]
    params["demo"] |= {"voice": voice, "seconds": seconds}
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
    for stage, arguments in STAGES:
        command = f"import sys; sys.path.insert(0, {str(root)!r}); import runpy; "
        command += f"runpy.run_module('stages.{stage}', run_name='__main__', alter_sys=True)"
        done = subprocess.run(
            [sys.executable, "-c", command, *arguments.split()], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.stderr.strip().splitlines()[-1])
    return Dataset.load(folder / "data/dataset.parquet")


def report(title: str, model: LandmarkCompletion, dataset: Dataset, rows: np.ndarray) -> None:
    """Print one row."""
    truth = dataset.landmarks[rows]
    completed = complete(model, truth, dataset.features[rows])
    distance = np.linalg.norm(completed[:, PREDICTED] - truth[:, PREDICTED], axis=-1).mean()
    follows = np.corrcoef(mouth_opening(completed), mouth_opening(truth))[0, 1]
    print(f"{title:24s} {len(rows):6d} {distance:9.5f} {follows:9.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voices", nargs="+")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    model, dataset = LandmarkCompletion.load(arguments.model), Dataset.load(arguments.dataset)
    print(f"{'':24s} {'frames':>6s} {'distance':>9s} {'r':>9s}")
    report("test split", model, dataset, dataset.rows("test"))
    for voice in arguments.voices:
        with tempfile.TemporaryDirectory() as folder:
            other = render(voice, arguments.seconds, Path(folder))
            report(voice, model, other, np.flatnonzero(other.split != "invalid"))


if __name__ == "__main__":
    main()
