"""Appearance and manner of the demo speaker, varied only for the training renders of the bundled prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class DemoStyle:
    """How the speaker looks and moves; the defaults are the demo itself. All scales are 1 for "unchanged"."""

    light_gain: float = 1.0
    gamma: float = 1.0
    light_tint: RGB = (1.0, 1.0, 1.0)
    background_tint: RGB = (1.0, 1.0, 1.0)
    face_width: float = 1.0
    face_height: float = 1.0
    lip_thickness: float = 1.0
    lip_tint: RGB = (1.0, 1.0, 1.0)
    mouth_amplitude: float = 1.0
    motion_amplitude: float = 1.0
    mirror: bool = False

    @classmethod
    def sample(cls, seed: int) -> DemoStyle:
        """A random style; the same seed gives the same style."""
        rng = np.random.default_rng(seed)

        def tint(spread: float) -> RGB:
            red, green, blue = (float(v) for v in rng.uniform(1 - spread, 1 + spread, 3))
            return red, green, blue

        def backdrop() -> RGB:
            # The portrait's own background is nearly white, so it is mostly darkened.
            brightness = rng.uniform(0.55, 1.02)
            red, green, blue = (float(brightness * v) for v in tint(0.08))
            return red, green, blue

        def scale(spread: float) -> float:
            return float(rng.uniform(1 - spread, 1 + spread))

        return cls(
            light_gain=scale(0.15),
            gamma=scale(0.15),
            light_tint=tint(0.06),
            background_tint=backdrop(),
            face_width=scale(0.07),
            face_height=scale(0.06),
            lip_thickness=scale(0.2),
            lip_tint=tint(0.08),
            mouth_amplitude=scale(0.2),
            motion_amplitude=float(rng.uniform(0.5, 1.4)),
            mirror=bool(rng.random() < 0.5),
        )
