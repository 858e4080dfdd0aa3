from __future__ import annotations

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from demo_speaker.encode import LABEL, render_video, write_truth
from demo_speaker.speech import SAMPLE_RATE, speak


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same two seconds written twice."""
    folder = tmp_path_factory.mktemp("demo")
    speech = speak("Maybe we will meet again at the market.")
    pairs = []
    for name in ("one", "two"):
        video, truth = folder / f"{name}.mp4", folder / f"{name}.parquet"
        write_truth(truth, render_video(video, speech, size=160, seed=5))
        pairs.append((video, truth))
    return speech, pairs


def test_same_bytes(files):
    _, ((video, truth), (video_again, truth_again)) = files
    assert video.read_bytes() == video_again.read_bytes()
    assert truth.read_bytes() == truth_again.read_bytes()


def test_streams_and_label(files):
    speech, ((path, _), _) = files
    with av.open(str(path)) as container:
        assert container.metadata["comment"] == LABEL
        assert "Synthetic" in container.metadata["title"]
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert video.average_rate == 25
        assert audio.rate == SAMPLE_RATE
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video)]
    assert len(frames) == round(speech.duration_s * 25)
    assert frames[0].shape == (160, 160, 3)


def test_sound_lies_where_it_was_spoken(files):
    speech, ((path, _), _) = files
    with av.open(str(path)) as container:
        decoded = list(container.decode(audio=0))
    # The encoder's priming samples carry negative times.
    skipped = -min(decoded[0].pts, 0)
    sound = np.concatenate([frame.to_ndarray()[0] for frame in decoded])[skipped:]
    count = min(len(sound), len(speech.samples))
    assert count >= len(speech.samples) - 1024
    spoken = speech.samples[:count] / 32768
    assert np.corrcoef(sound[:count], spoken)[0, 1] > 0.9


def test_truth_table(files):
    speech, ((_, path), _) = files
    table = pq.read_table(path)
    assert table.column_names == ["frame", "time", "phoneme", "landmarks"]
    assert table.num_rows == round(speech.duration_s * 25)
    assert table["landmarks"].combine_chunks().to_numpy_ndarray().shape == (table.num_rows, 68, 2)


def test_odd_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match="even"):
        render_video(tmp_path / "odd.mp4", speak("Hello."), size=97)
    assert not list(tmp_path.iterdir())
