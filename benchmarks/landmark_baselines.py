"""How well landmark completion does against the mean shape and ridge regression, on the test split of a dataset.

    python -m benchmarks.landmark_baselines --dataset data/processed/dataset.parquet --model data/models/landmarks

Prints mean Euclidean distances, fractions of the crop side. Ridge regression reads the given points, alone or with the
audio features; its penalty is chosen on the last eighth of the training frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from difftalker.dataset import Dataset
from difftalker.landmarks.topology import CONDITION, CONTOUR, MOUTH
from difftalker.models.landmark_completion import LandmarkCompletion, complete

PREDICTED = np.concatenate([CONTOUR, MOUTH])
PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)


def ridge(inputs: np.ndarray, targets: np.ndarray, new: np.ndarray, penalty: float) -> np.ndarray:
    """Predict for `new` (m, p) after ridge regression of targets (n, q) on standardised inputs (n, p): (m, q)."""
    mean, scale, level = inputs.mean(0), inputs.std(0) + 1e-6, targets.mean(0)
    normal = (inputs - mean) / scale
    gram = normal.T @ normal + penalty * np.eye(normal.shape[1])
    return (new - mean) / scale @ np.linalg.solve(gram, normal.T @ (targets - level)) + level


def fitted_ridge(inputs: np.ndarray, targets: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Ridge regression with the penalty that does best on the last eighth of the training rows."""
    fit, held = np.split(train, [len(train) * 7 // 8])
    errors = [
        np.square(ridge(inputs[fit], targets[fit], inputs[held], penalty) - targets[held]).mean()
        for penalty in PENALTIES
    ]
    return ridge(inputs[train], targets[train], inputs[test], PENALTIES[int(np.argmin(errors))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="landmark completion model; left out: baselines only")
    arguments = parser.parse_args()
    dataset = Dataset.load(arguments.dataset)
    train, test = dataset.rows("train"), dataset.rows("test")
    frames = len(dataset.landmarks)
    upper = dataset.landmarks[:, CONDITION].reshape(frames, -1).astype(np.float64)
    sound = dataset.features.reshape(frames, -1).astype(np.float64)
    targets = dataset.landmarks[:, PREDICTED].reshape(frames, -1).astype(np.float64)
    rows = {
        "mean shape": np.broadcast_to(targets[train].mean(0), (len(test), targets.shape[1])),
        "ridge, upper points": fitted_ridge(upper, targets, train, test),
        "ridge, upper points and sound": fitted_ridge(np.hstack([upper, sound]), targets, train, test),
    }
    if arguments.model:
        model = LandmarkCompletion.load(arguments.model)
        completed = complete(model, dataset.landmarks[test], dataset.features[test])
        rows[f"landmark completion ({model.audio_path})"] = completed[:, PREDICTED].reshape(len(test), -1)
    print(f"{len(train)} training frames, {len(test)} test frames")
    print(f"{'':32s} {'all':>8s} {'contour':>8s} {'mouth':>8s}")
    for name, predicted in rows.items():
        error = np.linalg.norm((predicted - targets[test]).reshape(len(test), -1, 2), axis=-1)
        parts = (error, error[:, : len(CONTOUR)], error[:, len(CONTOUR) :])
        print(f"{name:32s} " + " ".join(f"{part.mean():8.5f}" for part in parts))


if __name__ == "__main__":
    main()
