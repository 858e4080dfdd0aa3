"""Where the evaluation finds silence."""

import numpy as np

from difftalker.evaluation.mouth_reference import silent_frames

RNG = np.random.default_rng(0)


def test_a_pause_is_silent_once_the_mouth_has_closed() -> None:
    loud = RNG.normal(0, 3000, 3 * 16000).clip(-32768, 32767).astype(np.int16)
    loud[16000:32000] = 0  # the second of three seconds
    silent = silent_frames(loud, 75, 25.0)
    assert not silent[:29].any() and not silent[47:].any()  # 0.16 s for the mouth to close, and to open
    assert silent[30:46].all()


def test_steady_sound_has_no_silence() -> None:
    assert not silent_frames(RNG.normal(0, 3000, 16000).astype(np.int16), 25, 25.0).any()
