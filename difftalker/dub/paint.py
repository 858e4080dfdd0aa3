"""From pictures and landmarks to painted pictures, a few at a time."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np

from difftalker.dub.light import GAIN_REACH, apply_gains, measure_gains, smooth_gains
from difftalker.dub.paste_back import blend_crop, burn_in_label
from difftalker.dub.plan import Plan
from difftalker.dub.prefetch import prefetch
from difftalker.face.crop import cut_crop
from difftalker.media.planes import Picture
from difftalker.painting.jaw_mask import jaw_mask
from difftalker.painting.synthesis import Synthesiser
from difftalker.provenance.watermark import add_watermark

_T = TypeVar("_T")
_Batch = tuple[int, list[Picture], np.ndarray]  # first frame, pictures, crops (n, size, size, 3)
_Painted = tuple[int, list[Picture], np.ndarray, np.ndarray]  # crops (n, 2, ...), source and painted; gains of light

_WAITING = 64 * 2**20  # bytes of pictures between two stages


class Painter:
    """Paints the frames of a plan.

    Args:
        plan: what is to be made.
        synthesiser: the networks.

    Attributes:
        seconds: time spent by part.
    """

    def __init__(self, plan: Plan, synthesiser: Synthesiser) -> None:
        self._plan = plan
        batch = plan.settings.batch_size or synthesiser.config.batch_size
        self._batch = batch
        self._synthesiser = replace(synthesiser, seconds=Counter())
        self.seconds: Counter[str] = Counter()

    def frames(self, first: int, last: int, stop: Callable[[], bool] = lambda: False) -> Generator[Picture, None, None]:
        """Painted frames `first` to `last` (exclusive). Decoding and generating run ahead in threads of their own.

        Args:
            first, last: frames of the plan.
            stop: asked before every frame; the stream ends early when it says so.
        """
        begin, end = (
            max(first - GAIN_REACH, 0),
            min(last + GAIN_REACH, self._plan.frames),
        )  # light is that of the frames around
        landmarks = self._timed_call("landmarks", lambda: self._plan.landmarks(begin, end))
        shown = self._plan.footage.shown
        held = max(1, min(4, _WAITING // (self._batch * shown.width * shown.height * 6)))
        batches = prefetch(self._batches(begin, end, stop), held)
        painted = prefetch((self._paint(*batch, landmarks[batch[0] - begin :]) for batch in batches), held)
        gains = np.full((end - begin, 2, 3), np.nan, np.float32)
        waiting: deque[tuple[int, Picture, np.ndarray]] = deque()
        for start, pictures, crops, measured in painted:
            known = start + len(pictures)
            gains[start - begin : known - begin] = measured
            waiting.extend(zip(range(start, known), pictures, crops, strict=True))
            while waiting and (waiting[0][0] + GAIN_REACH < known or known == end):
                frame, picture, crop = waiting.popleft()
                if first <= frame < last:
                    if stop():
                        return
                    began = time.perf_counter()
                    self._composite(frame, picture, crop, landmarks[frame - begin], smooth_gains(gains, frame - begin))
                    self.seconds["composite"] += time.perf_counter() - began  # type: ignore[assignment]
                    yield picture

    def seconds_by_part(self) -> dict[str, float]:
        """Seconds spent so far, by part."""
        inner = self._synthesiser.seconds
        names = {"encode": "encode latents", "sample": "sample", "decode": "decode latents", "composite": "composite"}
        found: Counter[str] = Counter(self.seconds)
        for name, part in names.items():
            found[part] += inner[name]
        return dict(found)

    def _batches(self, first: int, last: int, stop: Callable[[], bool]) -> Iterator[_Batch]:
        pictures: list[Picture] = []
        crops: list[np.ndarray] = []
        order = self._plan.picture_order[first:last]
        for index, picture in zip(order, self._timed("decode", self._plan.footage.show(order)), strict=True):
            if stop():
                return
            began = time.perf_counter()
            pictures.append(picture)
            crops.append(cut_crop(picture.rgb, self._plan.footage_face.transforms[index], self._plan.size))
            self.seconds["decode"] += time.perf_counter() - began  # type: ignore[assignment]
            if len(pictures) == self._batch:
                yield first, pictures, np.stack(crops)
                first += len(pictures)
                pictures, crops = [], []
        if pictures:
            yield first, pictures, np.stack(crops)

    def _paint(self, start: int, pictures: list[Picture], crops: np.ndarray, landmarks: np.ndarray) -> _Painted:
        count = len(pictures)
        shown = np.flatnonzero(self._plan.painted[start : start + count])
        result = crops.copy()
        gains = np.full((count, 2, 3), np.nan, np.float32)
        if len(shown):
            began = time.perf_counter()
            features = self._plan.features.read(start, start + count)[shown]
            self.seconds["audio"] += time.perf_counter() - began  # type: ignore[assignment]
            result[shown] = self._synthesiser.paint(crops[shown], landmarks[shown], features)
            for index in shown:
                gains[index] = measure_gains(crops[index], result[index], landmarks[index])
        return start, pictures, np.stack([crops, result], axis=1), gains

    def _composite(
        self, frame: int, picture: Picture, crops: np.ndarray, landmarks: np.ndarray, light: np.ndarray
    ) -> None:
        plan = self._plan
        index = plan.picture_order[frame]
        if plan.opacity[index] > 0:
            source, painted = crops
            mask = jaw_mask(plan.footage_face.landmarks[index][None], plan.size, landmarks[None])[0]
            lit = apply_gains(painted, source, light, landmarks)
            if plan.settings.watermark:
                lit = add_watermark(lit, plan.crop_scale, frame / plan.footage.fps)
            blend_crop(picture, lit, plan.opacity[index] * mask, plan.footage_face.transforms[index])
        if plan.settings.label:
            burn_in_label(picture)

    def _timed(self, part: str, items: Iterable[_T]) -> Iterator[_T]:
        iterator = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self.seconds[part] += time.perf_counter() - began  # type: ignore[assignment]
            yield item

    def _timed_call(self, part: str, work: Callable[[], _T]) -> _T:
        began = time.perf_counter()
        result = work()
        self.seconds[part] += time.perf_counter() - began  # type: ignore[assignment]
        return result
