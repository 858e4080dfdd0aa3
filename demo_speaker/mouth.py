"""Geometry of the mouth: four lip borders as functions of the mouth parameters.

The local frame has its origin at the middle of the closed lips, `s` along the mouth and `v` down the face, in portrait
pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demo_speaker.visemes import PARAMETERS

ORIGIN = np.array([223.4, 146.2])
"""Middle of the closed lips in the portrait."""
ROLL = 0.05
"""The portrait's head is tilted by this angle (radians), and the mouth with it."""
AXES = np.array([[np.cos(ROLL), np.sin(ROLL)], [-np.sin(ROLL), np.cos(ROLL)]])
"""Rows: the unit vectors of s and v in portrait coordinates."""

_HALF_WIDTH = 19.0
_UPPER_THICKNESS, _LOWER_THICKNESS = 4.3, 5.6
_KNOTS = np.array([-1, -0.9, -0.75, -0.5, -0.26, -0.12, 0, 0.12, 0.26, 0.5, 0.75, 0.9, 1.0])
_UPPER_PROFILE = np.array([0.12, 0.28, 0.5, 0.8, 1.04, 1.0, 0.92, 1.0, 1.04, 0.8, 0.5, 0.28, 0.12])
_LOWER_PROFILE = np.array([0.1, 0.32, 0.6, 0.88, 0.98, 1.0, 1.0, 1.0, 0.98, 0.88, 0.6, 0.32, 0.1])

# Where along the mouth the 20 landmarks sit (iBUG 48-67).
_OUTER_TOP = np.array([-1.04, -0.6, -0.24, 0.0, 0.24, 0.6, 1.04])
_OUTER_BOTTOM = np.array([0.6, 0.26, 0.0, -0.26, -0.6])
_INNER_TOP = np.array([-0.88, -0.28, 0.0, 0.28, 0.88])
_INNER_BOTTOM = np.array([0.28, 0.0, -0.28])


@dataclass(frozen=True)
class MouthShape:
    """One shape of the mouth in its local frame; lengths in portrait pixels."""

    half_width: float
    corner_drop: float
    gap_up: float
    gap_down: float
    roundness: float
    upper_thickness: float
    lower_thickness: float

    def _rest_line(self, u: np.ndarray) -> np.ndarray:
        curve = np.maximum(1 - u * u, 0)
        return self.corner_drop * (1 - curve) + 0.5 * curve - 0.2

    def _opening(self, u: np.ndarray) -> np.ndarray:
        return np.maximum(1 - u * u, 0) ** (0.9 - 0.3 * self.roundness)

    def inner(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """v of the upper lip's lower edge and of the lower lip's upper edge at u = s / half_width in -1..1."""
        line, opening = self._rest_line(u), self._opening(u)
        return line - self.gap_up * opening, line + self.gap_down * opening

    def inner_upper(self, u: np.ndarray) -> np.ndarray:
        """v of the upper lip's lower edge."""
        return self.inner(u)[0]

    def inner_lower(self, u: np.ndarray) -> np.ndarray:
        """v of the lower lip's upper edge."""
        return self.inner(u)[1]

    def outer_upper(self, u: np.ndarray) -> np.ndarray:
        """v of the upper lip's border to the skin."""
        return self.inner_upper(u) - self.upper_thickness * np.interp(u, _KNOTS, _UPPER_PROFILE)

    def outer_lower(self, u: np.ndarray) -> np.ndarray:
        """v of the lower lip's border to the skin."""
        return self.inner_lower(u) + self.lower_thickness * np.interp(u, _KNOTS, _LOWER_PROFILE)

    def points(self, border: Callable[[np.ndarray], np.ndarray], u: np.ndarray) -> np.ndarray:
        """Portrait coordinates, (len(u), 2), of a border (one of the four methods) at u."""
        return to_portrait(np.stack([u * self.half_width, border(np.clip(u, -1, 1))], -1))

    def landmarks(self) -> np.ndarray:
        """(20, 2) float64 portrait coordinates of iBUG points 48-67."""
        outer_top = self.points(self.outer_upper, _OUTER_TOP)
        # The corners belong to both lips.
        outer_top[[0, -1]] = to_portrait(
            np.stack([_OUTER_TOP[[0, -1]] * self.half_width, np.full(2, self._rest_line(np.ones(1))[0])], -1)
        )
        inner_top = self.points(self.inner_upper, _INNER_TOP)
        middle = (self.inner_upper(_INNER_TOP[[0, -1]]) + self.inner_lower(_INNER_TOP[[0, -1]])) / 2
        inner_top[[0, -1]] = to_portrait(np.stack([_INNER_TOP[[0, -1]] * self.half_width, middle], -1))
        return np.concatenate(
            [
                outer_top,
                self.points(self.outer_lower, _OUTER_BOTTOM),
                inner_top,
                self.points(self.inner_lower, _INNER_BOTTOM),
            ]
        )


def smoothstep(value: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, and a smooth S between."""
    value = np.clip(value, 0, 1)
    return value * value * (3 - 2 * value)


def to_portrait(local: np.ndarray) -> np.ndarray:
    """(..., 2) local (s, v) to portrait (x, y)."""
    return ORIGIN + local @ AXES


def mouth_shape(parameters: np.ndarray) -> MouthShape:
    """The shape for one row of `articulation.mouth_parameters`."""
    p = dict(zip(PARAMETERS, (float(v) for v in parameters), strict=True))
    gap = p["gap"]
    rounding, tuck, press = p["rounding"], p["tuck"], p["press"]
    # An ordinary opening is mostly the jaw's; with the lower lip at the teeth the upper lip makes it.
    up_share = 0.26 + 0.5 * tuck
    return MouthShape(
        half_width=_HALF_WIDTH + p["width"] - 0.12 * gap,
        corner_drop=0.14 * gap - 0.1 * p["width"],
        gap_up=gap * up_share,
        gap_down=gap * (1 - up_share),
        roundness=rounding,
        upper_thickness=_UPPER_THICKNESS * (1 + 0.25 * rounding - 0.3 * press - 0.1 * tuck - 0.015 * gap),
        lower_thickness=_LOWER_THICKNESS * (1 + 0.2 * rounding - 0.25 * press - 0.35 * tuck - 0.015 * gap),
    )
