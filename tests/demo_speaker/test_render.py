from __future__ import annotations

import cv2
import numpy as np
import pytest

from demo_speaker import portrait
from demo_speaker.articulation import mouth_parameters
from demo_speaker.motion import head_motion
from demo_speaker.render import render_frames, render_with_truth, speech_frame_count
from demo_speaker.speech import PAUSE, Speech, silence
from demo_speaker.visemes import PARAMETERS, closes_lips, visemes_of
from difftalker.evaluation.metrics.picture_metrics import sharpness


def inner_gap(landmarks: np.ndarray) -> float:
    return float(np.linalg.norm(landmarks[66] - landmarks[62]))


def test_frame_count_and_format(speech, rendered):
    assert len(rendered) == speech_frame_count(speech, 25) == round(speech.duration_s * 25)
    frame, truth = rendered[0]
    assert frame.shape == (288, 288, 3)
    assert frame.dtype == np.uint8
    assert truth.landmarks.shape == (68, 2)
    assert truth.landmarks.dtype == np.float32


@pytest.mark.parametrize("seconds", [0.1, 0.5, 0.51])
@pytest.mark.parametrize("fps", [25, 30])
def test_frame_count_rule(seconds, fps):
    quiet = silence(seconds)
    assert len(list(render_frames(quiet, fps=fps, size=96))) == round(quiet.duration_s * fps)


def test_lips_close_on_p_b_m(speech: Speech):
    closing = [phoneme for phoneme in speech.phonemes if closes_lips(phoneme.name)]
    assert {phoneme.name for phoneme in closing} == {"p", "b", "m"}
    middles = np.array([(phoneme.start_s + phoneme.end_s) / 2 for phoneme in closing])
    gap = mouth_parameters(speech.phonemes, middles)[:, PARAMETERS.index("gap")]
    np.testing.assert_allclose(gap, 0, atol=1e-9)


def test_every_closure_is_seen_in_a_frame(speech, rendered):
    times = np.array([truth.time_s for _, truth in rendered])
    gaps = np.array([inner_gap(truth.landmarks) for _, truth in rendered])
    assert gaps.max() > 8
    for phoneme in speech.phonemes:
        if closes_lips(phoneme.name):
            nearest = np.abs(times - (phoneme.start_s + phoneme.end_s) / 2).argmin()
            assert gaps[nearest] < 0.1, phoneme


def test_vowels_open_and_round_the_mouth(speech, rendered):
    def mean(names: set[str], measure) -> float:
        return float(np.mean([measure(truth.landmarks) for _, truth in rendered if truth.phoneme in names]))

    def width(points: np.ndarray) -> float:
        return float(np.linalg.norm(points[54] - points[48]))

    assert mean({"a", "aU", "O:", "O@"}, inner_gap) > 5
    assert mean({"m", "b", "p"}, inner_gap) < 2
    assert mean({"w", "u:"}, width) < mean({"E", "I", "i:"}, width) - 4


def test_silence_is_closed_and_still():
    quiet = mouth_parameters(silence(1.0).phonemes, np.arange(25) / 25)
    np.testing.assert_allclose(quiet, quiet[:1].repeat(25, 0), atol=1e-12)
    assert not quiet[:, PARAMETERS.index("gap")].any()


def test_mouth_does_not_depend_on_the_seed(speech, monkeypatch):
    monkeypatch.setattr("demo_speaker.render.head_motion", lambda seed, times: head_motion(0, times))
    short = Speech(speech.samples[:16_000], speech.sample_rate, speech.phonemes)
    one = [truth.landmarks[48:] for _, truth in render_with_truth(short, size=96, seed=1)]
    two = [truth.landmarks[48:] for _, truth in render_with_truth(short, size=96, seed=9)]
    np.testing.assert_array_equal(one, two)


def test_motion_is_smooth_and_the_face_stays_inside(rendered):
    points = np.array([truth.landmarks for _, truth in rendered])
    assert np.abs(np.diff(points[:, 30], axis=0)).max() < 3
    # The square face crop, 1.7 face widths around the nose base, lies in the picture.
    width = np.linalg.norm(points[:, 16] - points[:, 0], axis=1).max()
    assert 0.43 * 288 < width < 0.52 * 288
    nose, half = points[:, 33], 0.85 * width
    middle = (points[:, 0] + points[:, 16]) / 2
    assert (nose[:, 1] - half).min() >= 0
    assert (nose[:, 1] + half).max() <= 288
    assert (middle[:, 0] - half).min() >= 0
    assert (middle[:, 0] + half).max() <= 288


def test_portrait_landmarks_agree_with_the_detector(detect):
    found = detect(portrait.texture())
    assert found is not None
    # The constants are another detector's, which sets the ends of brows and jaw elsewhere.
    assert np.abs(found - portrait.PORTRAIT_LANDMARKS).mean() < 1.5


def test_detector_follows_the_drawn_mouth(rendered, detect):
    drawn, seen = [], []
    for frame, truth in rendered[::4]:
        points = detect(frame)
        assert points is not None
        drawn.append(truth.landmarks[66, 1] - truth.landmarks[62, 1])
        seen.append(points[66, 1] - points[62, 1])
    assert np.corrcoef(drawn, seen)[0, 1] > 0.9


def test_unknown_phonemes_have_a_shape():
    assert visemes_of("y:")[0].rounding > 0
    assert visemes_of("(unheard)")
    assert visemes_of(PAUSE)[0].gap == 0


def test_interpolation_keeps_the_detail_as_it_does_of_footage(rendered):
    """A rendering sharp to the pixel would lose a fifth of it in every crop."""
    frame, truth = rendered[40]
    half = np.float32([[1, 0, 0.5], [0, 1, 0.5]])
    there = cv2.warpAffine(frame, half, frame.shape[1::-1], flags=cv2.INTER_LANCZOS4)
    back = cv2.warpAffine(there, half, frame.shape[1::-1], flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP)
    (x0, y0), (x1, y1) = truth.landmarks[48:].min(0).astype(int), truth.landmarks[48:].max(0).astype(int)
    kept = sharpness(back, (x0, y0, x1, y1)) / sharpness(frame, (x0, y0, x1, y1))
    assert 0.9 < kept <= 1.0
