"""What the mouth does in silence: ground truth, the landmark network alone, and the film with the mouth at rest.

Renders the demo speaker saying two sentences that are not in the demo, with two seconds of silence between them, and
drives the trained demo face with that sound. Figures are in crop sides; `opening` is the distance of the inner lips,
`motion` the mean distance that a mouth point moves per frame relative to the nose and eyes.

    python -m benchmarks.silence
"""

from __future__ import annotations

import tempfile
import wave
from pathlib import Path

import numpy as np

from demo_speaker.encode import render_video
from demo_speaker.sentences import OTHER_SENTENCES
from demo_speaker.speech import PAUSE, join_speech, silence, speak
from difftalker.completion.network import complete
from difftalker.config import load_params
from difftalker.evaluation.metrics.mouth_opening import mouth_opening
from difftalker.face.topology import MOUTH, RIGID
from difftalker.project import MODELS, load_face

SILENCE = 2.0  # seconds


def motion(landmarks: np.ndarray) -> np.ndarray:
    """Mean distance that the mouth points move from frame to frame: (n, 68, 2) -> (n - 1,)."""
    mouth = landmarks[:, MOUTH] - landmarks[:, RIGID].mean(axis=1, keepdims=True)
    return np.linalg.norm(np.diff(mouth, axis=0), axis=-1).mean(axis=1)


def main() -> None:
    params = load_params().demo
    first, second = (speak(text, params.voice) for text in OTHER_SENTENCES[:2])
    speech = join_speech([first, silence(SILENCE), second])
    face = load_face(MODELS)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "speaker.mp4"
        render_video(film, speech, size=params.size, seed=params.seed)
        sound = Path(folder) / "speech.wav"
        with wave.open(str(sound), "wb") as file:
            file.setparams((1, 2, speech.sample_rate, 0, "NONE", ""))
            file.writeframes(speech.samples.astype("<i2").tobytes())
        with face.planned(sound, film) as plan:
            truth = plan.footage_face.landmarks
            alone = complete(plan.model, truth, plan.features.read(0, plan.frames))
            driven = plan.landmarks(0, plan.frames)
            fps = plan.footage.fps
    end = max(phoneme.end_s for phoneme in first.phonemes if phoneme.name != PAUSE)
    times = np.arange(len(truth)) / fps
    start, stop = end, first.duration_s + SILENCE
    inside = (times >= start + 0.2) & (times < stop - 0.2)
    print(f"{len(truth)} frames; silence from {start:.2f} s to {stop:.2f} s")
    print(f"{'':14}{'opening, silence':>18}{'opening, speech':>18}{'motion, silence':>18}{'motion, speech':>18}")
    speaking = (times < start) | (times >= stop)
    for name, points in (("ground truth", truth), ("network alone", alone), ("film", driven)):
        opening, moved = mouth_opening(points), motion(points)
        row = (opening[inside].mean(), opening[speaking].mean(), moved[inside[1:]].mean(), moved[speaking[1:]].mean())
        print(f"{name:14}" + "".join(f"{value:18.5f}" for value in row))
    resting = mouth_opening(driven)[inside].mean()
    near = np.abs(mouth_opening(driven) - resting) < 0.1 * mouth_opening(driven)[speaking].max()
    settled = next((time - start for time, good in zip(times, near, strict=True) if time >= start and good), np.nan)
    print(f"the film's mouth is at rest {settled:.2f} s after the speech")


if __name__ == "__main__":
    main()
