"""Pictures of the report: test frames in a grid (figure 3 of the paper) and landmark completion (figure 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from difftalker.evaluation.frame_table import FrameTable
from difftalker.evaluation.metrics.mouth_opening import mouth_opening
from difftalker.report.embedded_media import COMPLETED_COLOUR, TRUTH_COLOUR, completed_lines, given_lines, image_uri
from difftalker.report.mismatch import CompleteLandmarks
from difftalker.report.results_tables import REFERENCES
from difftalker.tables import decode_image, read_table


class SamplePictures:
    """Pictures that `evaluate` kept for the report.

    Attributes:
        positions: places in the test split, from closed to wide-open mouths.
    """

    def __init__(self, path: Path, test: FrameTable) -> None:
        data = read_table(path).to_pylist()
        opening = mouth_opening(test.landmarks)
        self.positions = sorted({entry["position"] for entry in data}, key=lambda position: opening[position])
        self._images = {(entry["position"], entry["row"]): entry["image"] for entry in data}

    def image(self, position: int, row: str) -> str:
        """Data URI of one picture."""
        return image_uri(decode_image(self._images[position, row]))


def frame_grid(samples: SamplePictures, test: FrameTable, completed: np.ndarray) -> list[dict[str, Any]]:
    """Rows of the grid: ground truth, generated, completed landmarks, then the references.

    Args:
        samples: the pictures.
        test: the test split.
        completed: (n, 68, 2) completed landmarks of the test split.
    """

    def pictures(row: str) -> list[dict[str, Any]]:
        return [{"image": samples.image(position, row), "overlays": []} for position in samples.positions]

    lines = [{"image": None, "overlays": _over(completed[i], test.landmarks[i])} for i in samples.positions]
    rows = [
        {"name": "Ground truth", "cells": pictures("ground_truth")},
        {"name": "Generated", "cells": pictures("generated")},
        {"name": "Completed landmarks", "cells": lines},
    ]
    rest = [key for key in REFERENCES if key != "ground_truth"]
    return rows + [{"name": REFERENCES[key], "cells": pictures(key)} for key in rest]


def completion_pictures(
    samples: SamplePictures, test: FrameTable, completed: np.ndarray, complete: CompleteLandmarks
) -> list[dict[str, Any]]:
    """Two frames with clearly different mouths, completed with their own sound and with each other's.

    Args:
        samples: the pictures, from closed to wide-open mouths; the first and the last are taken.
        test: the test split.
        completed: (n, 68, 2) completed landmarks of the test split.
        complete: the landmark completion.
    """
    pair = [samples.positions[0], samples.positions[-1]]
    swapped = complete(test.landmarks[pair], test.features[pair[::-1]])
    found = []
    for here, other, mixed in zip(pair, pair[::-1], swapped, strict=True):
        n, m = test.frame[here], test.frame[other]
        face = samples.image(here, "ground_truth")
        truth, own, sounding = test.landmarks[here], completed[here], test.landmarks[other]
        shots = [
            _shot(f"CR {n}: own sound", own, COMPLETED_COLOUR),
            _shot(f"GT {n}", truth, TRUTH_COLOUR),
            {
                "caption": f"Face {n}, CR",
                "image": face,
                "overlays": [completed_lines(own, COMPLETED_COLOUR, dots=True)],
            },
            _shot(f"CR: upper {n}, sound {m}", mixed, COMPLETED_COLOUR),
            _shot(f"GT {m}, of the sound", sounding, TRUTH_COLOUR),
            {
                "caption": f"Face {n}, that CR",
                "image": face,
                "overlays": [completed_lines(mixed, COMPLETED_COLOUR, dots=True)],
            },
        ]
        opening = [f"{100 * value:.1f}" for value in mouth_opening(np.stack([truth, own, mixed, sounding]))]
        note = (
            f"Mouth opening in percent of the crop side: ground truth {opening[0]}, completed {opening[1]}; "
            f"with the sound of frame {m}: {opening[2]}, where frame {m} itself has {opening[3]}."
        )
        found.append({"title": f"Frame {n} of {test.clip[here]}", "shots": shots, "note": note})
    return found


def _over(completed: np.ndarray, truth: np.ndarray) -> list[str]:
    return [given_lines(truth), completed_lines(truth, TRUTH_COLOUR), completed_lines(completed, COMPLETED_COLOUR)]


def _shot(caption: str, landmarks: np.ndarray, colour: str) -> dict[str, Any]:
    overlays = [given_lines(landmarks), completed_lines(landmarks, colour, dots=True)]
    return {"caption": caption, "image": None, "overlays": overlays}
