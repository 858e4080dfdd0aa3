"""How well landmark completion does against the mean shape and ridge regression, on the test split of a dataset.

    python -m benchmarks.landmark_baselines --dataset data/processed/dataset.parquet --model data/models/landmarks

Prints mean Euclidean distances, fractions of the crop side. Ridge regression reads the given points, alone or with the
audio features; its penalty is chosen on the last eighth of the training frames.

A landmark detector fits all points together, so the given upper points also tell a little of the mouth below them. That
lowers the distances, yet in dubbing the upper points are those of other words. So every row is also given the upper
points of another test frame (a third of the split further on), and the mouth's opening is correlated with that of the
frame whose sound it hears and with that of the frame whose upper points it sees: the first should be high, the second
near zero.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from difftalker.completion.network import LandmarkCompletion, complete
from difftalker.dataset.frames import Dataset
from difftalker.evaluation.metrics.mouth_opening import LOWER_LIP, UPPER_LIP
from difftalker.face.topology import CONDITION, CONTOUR, MOUTH

PREDICTED = np.concatenate([CONTOUR, MOUTH])
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)


def ridge(inputs: np.ndarray, targets: np.ndarray, new: np.ndarray, penalty: float) -> np.ndarray:
    """Predict for `new` (m, p) after ridge regression of targets (n, q) on standardised inputs (n, p): (m, q)."""
    mean, scale, level = inputs.mean(0), inputs.std(0) + 1e-6, targets.mean(0)
    normal = (inputs - mean) / scale
    gram = normal.T @ normal + penalty * np.eye(normal.shape[1])
    return (new - mean) / scale @ np.linalg.solve(gram, normal.T @ (targets - level)) + level


def fitted_ridge(inputs: np.ndarray, targets: np.ndarray, train: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Predict for inputs `new` (m, p) by the penalty that does best on the last eighth of the training rows."""
    fit, held = np.split(train, [len(train) * 7 // 8])
    errors = [
        np.square(ridge(inputs[fit], targets[fit], inputs[held], penalty) - targets[held]).mean()
        for penalty in PENALTIES
    ]
    return ridge(inputs[train], targets[train], new, PENALTIES[int(np.argmin(errors))])


def opening(points: np.ndarray) -> np.ndarray:
    """Mouth opening of predicted points (n, 58): their order is that of `PREDICTED`."""
    mouth = points.reshape(len(points), -1, 2)[:, len(CONTOUR) :]
    return np.linalg.norm(mouth[:, LOWER_LIP - MOUTH[0]] - mouth[:, UPPER_LIP - MOUTH[0]], axis=-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="landmark completion model; left out: baselines only")
    arguments = parser.parse_args()
    dataset = Dataset.load(arguments.dataset)
    train, test = dataset.rows("train"), dataset.rows("test")
    frames = len(dataset.landmarks)
    moved = np.roll(test, -(len(test) // 3))  # whose upper points are given in the mismatch test
    upper = dataset.landmarks[:, CONDITION].reshape(frames, -1).astype(np.float64)
    sound = dataset.features.reshape(frames, -1).astype(np.float64)
    targets = dataset.landmarks[:, PREDICTED].reshape(frames, -1).astype(np.float64)
    both = np.hstack([upper, sound])
    other = np.hstack([upper[moved], sound[test]])
    mean = np.broadcast_to(targets[train].mean(0), (len(test), targets.shape[1]))
    rows = {
        "mean shape": (mean, mean),
        "ridge, upper points": tuple(fitted_ridge(upper, targets, train, upper[index]) for index in (test, moved)),
        "ridge, upper points and sound": tuple(fitted_ridge(both, targets, train, new) for new in (both[test], other)),
    }
    if arguments.model:
        model = LandmarkCompletion.load(arguments.model)
        rows[f"landmark completion ({model.audio_fusion})"] = tuple(
            complete(model, dataset.landmarks[index], dataset.features[test])[:, PREDICTED].reshape(len(test), -1)
            for index in (test, moved)
        )
    print(f"{len(train)} training frames, {len(test)} test frames")
    print(f"{'':32s} {'all':>8s} {'contour':>8s} {'mouth':>8s} {'r, sound':>9s} {'r, upper':>9s}")
    for name, (predicted, mismatched) in rows.items():
        error = np.linalg.norm((predicted - targets[test]).reshape(len(test), -1, 2), axis=-1)
        parts = (error, error[:, : len(CONTOUR)], error[:, len(CONTOUR) :])
        line = f"{name:32s} " + " ".join(f"{part.mean():8.5f}" for part in parts)
        if opening(mismatched).std() > 1e-6:
            follows = [np.corrcoef(opening(mismatched), opening(targets[index]))[0, 1] for index in (test, moved)]
            line += " ".join(["", *(f"{value:9.3f}" for value in follows)])
        print(line)


if __name__ == "__main__":
    main()
