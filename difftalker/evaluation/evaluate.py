"""All figures of the generated test frames and of the reference rows, in one pass that streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from difftalker.config import DetectorConfig
from difftalker.evaluation.baselines import RowImages
from difftalker.evaluation.film_plan import FilmKind
from difftalker.evaluation.frame_table import FrameTable
from difftalker.evaluation.metrics.landmark_metrics import jitter, landmark_distance, motion_in_silence
from difftalker.evaluation.metrics.mouth_opening import (
    closure_score,
    mouth_opening,
    opening_score,
    relative_opening,
    sample_positions,
)
from difftalker.evaluation.metrics.regions import find_face_regions
from difftalker.evaluation.mouth_reference import MouthReference
from difftalker.evaluation.picture_scores import FrameScores, RealFilmScores
from difftalker.evaluation.redetection import DetectInBackground, Redetection
from difftalker.evaluation.source_pictures import PictureSource
from difftalker.evaluation.sync_scores import SyncScorer
from difftalker.face.topology import COMPLETED_POINTS, MOUTH
from difftalker.sync.crop_rules import SyncCrop

FRAMES_AT_ONCE = 16  # frames held at a time


@dataclass
class RowResult:
    """The figures of one row of the results table.

    Attributes:
        metrics: the means.
        frames: values per test frame, (n,) each.
        sync: mean embedding distance per shift, (31,); empty where no run is long enough.
    """

    metrics: dict[str, float]
    frames: dict[str, np.ndarray]
    sync: np.ndarray


@dataclass
class Evaluation:
    """Everything that the stage writes.

    Attributes:
        rows: the figures of each row.
        films: the figures of the films that `dub` made, by their kind; see `film_plan`.
        samples: (position in the test split, row, image) of the pictures that the report shows.
    """

    rows: dict[str, RowResult] = field(default_factory=dict)
    films: dict[FilmKind, RowResult] = field(default_factory=dict)
    samples: list[tuple[int, str, np.ndarray]] = field(default_factory=list)


def evaluate_rows(
    test: FrameTable,
    sources: Mapping[str, RowImages],
    predicted: Mapping[str, np.ndarray],
    mouth: MouthReference,
    crops: Callable[[slice], np.ndarray],
    pictures: PictureSource,
    detect: DetectInBackground,
    config: DetectorConfig,
    expert: Callable[[str], SyncScorer],
    rule: SyncCrop,
) -> Evaluation:
    """Score every row on every test frame.

    Args:
        test: the test split.
        sources: row name -> its images.
        predicted: row name -> landmarks (n, 68, 2) that the row predicts, where it predicts any.
        mouth: what is said; the mouth's motion is compared with the speaker's while saying it.
        crops: reads the ground truth's crops of some rows, (n, h, w, 3) uint8.
        pictures: the whole source frames.
        detect: finds landmarks again; the footage's own detector.
        config: its parameters.
        expert: makes the scorer of lip sync for the row of that name.
        rule: cuts what the expert sees.
    """
    result = Evaluation()
    shown = set(sample_positions(test.landmarks).tolist())
    real = RealFilmScores()
    scores = {name: FrameScores(real) for name in sources}
    detections = {name: Redetection(detect, config, test) for name in sources}
    sync = {name: expert(name) for name in sources}
    with tqdm(total=len(test), desc="evaluate", unit="frame", mininterval=1.0) as bar:
        for batch in test.batches(FRAMES_AT_ONCE):
            truth = crops(batch)
            images = {name: source.images(batch, truth) for name, source in sources.items()}
            for name, found in images.items():
                detections[name].add(batch, found)
            seen: dict[str, list[np.ndarray]] = {name: [] for name in sources}
            for offset, (picture, transform) in enumerate(pictures.read(test, batch)):
                index = batch.start + offset
                regions = find_face_regions(test.landmarks[index], transform, truth.shape[1], picture.shape)
                real.add(picture, regions, int(test.run[index]))
                for name, found in images.items():
                    whole = sources[name].whole(index, found[offset], picture, transform)
                    scores[name].add_crop(truth[offset], found[offset], regions)
                    scores[name].add_frame(picture, whole, regions, int(test.run[index]))
                    seen[name].append(rule.cut(index, found[offset], whole))
                if index in shown:
                    result.samples += [(index, name, found[offset]) for name, found in images.items()]
            for name, faces in seen.items():
                sync[name].add(batch, np.stack(faces))
            bar.update(batch.stop - batch.start)
    for name in sources:
        result.rows[name] = _row(test, mouth, scores[name], detections[name], sync[name], predicted.get(name))
    return result


def _row(
    test: FrameTable,
    mouth: MouthReference,
    scores: FrameScores,
    detection: Redetection,
    sync: SyncScorer,
    predicted: np.ndarray | None,
) -> RowResult:
    points, found = detection.finish()
    truth = test.landmarks
    frames = {name: np.array(values) for name, values in scores.values.items()}
    frames["ld"] = np.where(found, landmark_distance(points, truth), np.nan)
    frames["ld_mouth"] = np.where(found, landmark_distance(points[:, MOUTH], truth[:, MOUTH]), np.nan)
    frames["mouth_opening"] = np.where(found, mouth_opening(points), np.nan)
    frames["mouth_opening_true"] = mouth_opening(truth)
    if predicted is not None:
        frames["landmark_distance"] = landmark_distance(predicted[:, COMPLETED_POINTS], truth[:, COMPLETED_POINTS])
    metrics = scores.means() | sync.means()
    metrics |= {
        name: float(np.nanmean(frames[name]))
        for name in ("ld", "ld_mouth", "landmark_distance")
        if name in frames and np.isfinite(frames[name]).any()
    }
    # A frame without a face breaks the run: no second difference is taken across it.
    run = np.where(found, test.run, -1 - np.arange(len(test)))
    real = jitter(truth[:, MOUTH], run)
    metrics["jitter_ratio"] = jitter(points[:, MOUTH], run) / real if real > 0 else float("nan")
    metrics["undetected"] = int((~found).sum())
    metrics |= _mouth(points, found, mouth, test.run)
    return RowResult({key: value for key, value in metrics.items() if np.isfinite(value)}, frames, sync.distances())


def _mouth(points: np.ndarray, found: np.ndarray, mouth: MouthReference, run: np.ndarray) -> dict[str, float]:
    """How the mouth of detected points (n, 68, 2) says what is said."""
    gap = np.where(found, relative_opening(points), np.nan)
    wanted = relative_opening(mouth.landmarks)
    opening, closed = opening_score(wanted, gap), closure_score(wanted, gap, run)
    moved = motion_in_silence(points, mouth.silent & found & mouth.known, run, mouth.fps)
    real = motion_in_silence(mouth.landmarks, mouth.silent & found & mouth.known, run, mouth.fps)
    return {
        "opening_r": opening.r,
        "opening_slope": opening.slope,
        "opening_sd_ratio": opening.sd_ratio,
        "closure": closed.share,
        "closure_moments": closed.moments,
        "silence_motion": moved,
        "silence_motion_ratio": moved / real if real > 0 else float("nan"),
    }


def metrics_document(result: Evaluation, test: FrameTable, protocol: Mapping[str, str]) -> dict[str, Any]:
    """What metrics.json holds: the generated row's figures, counts and `protocol`; the films' figures under `film`, the
    other rows' under `reference`.

    Figures are rounded to 6 digits after the point, keys sorted, so that equal runs give equal bytes.
    """

    def rounded(values: dict[str, float]) -> dict[str, float]:
        return {key: value if isinstance(value, int) else round(value, 6) for key, value in sorted(values.items())}

    main = rounded(result.rows["generated"].metrics)
    counts = {"test_frames": len(test), "test_recordings": len(test.recordings)}
    others = {name: rounded(row.metrics) for name, row in sorted(result.rows.items()) if name != "generated"}
    films = {kind: rounded(row.metrics) for kind, row in sorted(result.films.items())}
    found: dict[str, Any] = {"film": films, "protocol": dict(protocol), "reference": others}
    return dict(sorted((main | counts | found).items()))
