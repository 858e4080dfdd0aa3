from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from difftalker.compute.parallel import worker_processes
from difftalker.face.face_detector import box_overlap
from difftalker.face.mediapipe.region import upright_boxes
from difftalker.face.topology import NOSE_BASE
from difftalker.face.tracking import SpeakerTrack, largest_track, track_faces
from tests.footage import empty_room, portrait


def largest_face(pictures: Iterable[np.ndarray]) -> tuple[SpeakerTrack, int]:
    """The track of a clip's largest face, and the number of pictures with several faces."""
    (cast,) = track_faces([pictures])
    return cast.track(largest_track(cast.tracks)), cast.several


def moved(shift: float) -> np.ndarray:
    return cv2.warpAffine(
        portrait(), np.array([[1.0, 0, shift], [0, 1.0, 0]]), (280, 280), borderMode=cv2.BORDER_REPLICATE
    )


def beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.concatenate([left, right], axis=1)


def small(picture: np.ndarray) -> np.ndarray:
    """The picture at 0.75 of its size on a gray ground of the old size."""
    ground = np.full_like(picture, 128)
    ground[:210, :210] = cv2.resize(picture, (210, 210), interpolation=cv2.INTER_AREA)
    return ground


def test_overlap() -> None:
    a = np.array([0.0, 0, 10, 10])
    assert box_overlap(a, a) == 1.0
    assert box_overlap(a, a + 20) == 0.0
    assert box_overlap(a, a + np.array([5, 0, 5, 0])) == 50 / 150


def test_follows_a_moving_face() -> None:
    shifts = np.linspace(-30, 30, 30)
    track, several = largest_face(moved(shift) for shift in shifts)
    assert track.found.all() and several == 0
    assert (track.width, track.height) == (280, 280)
    path = track.points[:, NOSE_BASE, 0] - shifts
    assert np.abs(path - np.median(path)).max() < 4
    boxes = upright_boxes(track.regions)
    inside = (track.points[:, NOSE_BASE] > boxes[:, :2]) & (track.points[:, NOSE_BASE] < boxes[:, 2:])
    assert inside.all()


def test_coordinates_are_those_of_the_source_at_any_size() -> None:
    track, _ = largest_face([portrait()])
    big = cv2.resize(portrait(), (1400, 1400), interpolation=cv2.INTER_CUBIC)  # searched at a reduced size
    large, _ = largest_face([big])
    assert np.abs((large.points + 0.5) / 5 - 0.5 - track.points).mean() < 2


def test_takes_the_largest_face_and_counts_frames_with_several() -> None:
    pictures = [beside(portrait(), small(portrait())), beside(small(portrait()), portrait())]
    for picture, left in zip(pictures, (True, False), strict=True):
        track, several = largest_face([picture] * 6)
        assert track.found.all() and several == 6
        assert ((track.points[:, NOSE_BASE, 0] < 280) == left).all()


def test_stays_with_the_larger_face_when_a_smaller_one_came_first() -> None:
    alone = beside(empty_room(), small(portrait()))
    both = beside(portrait(), small(portrait()))
    track, _ = largest_face([alone] * 25 + [both] * 50)
    assert not track.found[:25].any()
    assert track.found[25:].all()
    assert (track.points[25:, NOSE_BASE, 0] < 280).all()


def test_a_face_that_comes_back_elsewhere_is_taken_up_again() -> None:
    left, right = beside(portrait(), empty_room()), beside(empty_room(), portrait())
    track, several = largest_face([left] * 25 + [right] * 26)
    assert track.found.all() and several == 0


def test_frames_without_a_face_are_marked_and_a_late_face_is_found() -> None:
    track, _ = largest_face([empty_room()] * 7 + [portrait()] * 8)
    assert not track.found[:7].any()
    assert track.found[10:].all()  # without a face in sight, every fifth picture is searched


def test_clips_are_separate_and_the_number_of_workers_does_not_matter() -> None:
    clips = [[moved(shift) for shift in range(12)], [empty_room()] * 3, [moved(-shift) for shift in range(30)]]
    alone = list(track_faces(clips))
    with worker_processes(2) as executor:
        together = list(track_faces(clips, executor, 2))
    assert [cast.count for cast in alone] == [12, 3, 30]
    for first, second in zip(alone, together, strict=True):
        ours, theirs = (cast.track(largest_track(cast.tracks)) for cast in (first, second))
        np.testing.assert_array_equal(ours.found, theirs.found)
        np.testing.assert_array_equal(ours.points, theirs.points)
        np.testing.assert_array_equal(ours.regions, theirs.regions)
