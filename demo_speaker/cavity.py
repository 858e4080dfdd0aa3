"""What is seen between the lips: teeth from the portrait's own smile, lower teeth, tongue and dark."""

from __future__ import annotations

import cv2
import numpy as np

from demo_speaker.mouth import MouthShape, smoothstep, to_portrait
from demo_speaker.portrait import LOWER_INNER, UPPER_INNER

_DARK = np.array([46, 17, 17], np.float32)
_TONGUE = np.array([172, 88, 84], np.float32)
_LOWER_TEETH = np.array([176, 160, 146], np.float32)


def _portrait_teeth(s: np.ndarray, v: np.ndarray, texture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour (rows, columns, 3) float32 and opacity of the upper teeth at local coordinates.

    The upper teeth belong to the skull, so they stand still in the local frame. The smile's row of teeth is lifted a
    little and its arc flattened, as lips that do not smile show it.
    """
    lifted = v + 1.2 - 2.2 * (s / 13) ** 2
    xy = to_portrait(np.stack([s, lifted], -1))
    x, y = xy[..., 0], xy[..., 1]
    edge = np.interp(x, LOWER_INNER[:, 0], LOWER_INNER[:, 1]) - 1.5
    gum = np.interp(x, UPPER_INNER[:, 0], UPPER_INNER[:, 1]) + 1.2
    rows = np.clip(y, np.minimum(gum, edge), edge).astype(np.float32)
    colour = cv2.remap(texture, x.astype(np.float32), rows, cv2.INTER_LINEAR).astype(np.float32)
    opacity = smoothstep((edge + 0.7 - y) / 1.4) * smoothstep((14.5 - np.abs(s)) / 3.5)
    return colour, opacity


def cavity_colours(
    s: np.ndarray, v: np.ndarray, shape: MouthShape, jaw: float, tongue: float, texture: np.ndarray
) -> np.ndarray:
    """Colours of the inner mouth at local coordinates s, v (each (rows, columns) float64).

    jaw: drop of the jaw in portrait pixels; tongue: 0 to 1, raised tip. texture: the portrait, uint8. Returns (rows,
    columns, 3) float32, 0-255, also outside the opening (the caller masks it).
    """
    u = np.clip(s / shape.half_width, -1, 1)
    top, bottom = shape.inner(u)
    colour = np.broadcast_to(_DARK, (*s.shape, 3)).copy()

    # The tongue lies on the floor of the mouth; its tip rises for t, d, n, l.
    tongue_top = 1.2 + 0.45 * shape.gap_down - 2.0 * tongue + (s / 11) ** 2 * 2.0
    body = smoothstep((v - tongue_top) / 2.2) * smoothstep((13 - np.abs(s)) / 4)
    light = 0.62 + 0.3 * np.exp(-(((v - tongue_top - 2.4) / 2.0) ** 2)) - 0.12 * np.exp(-((s / 0.9) ** 2))
    colour += (body * 0.85)[..., None] * (_TONGUE * light[..., None] - colour)

    # Lower teeth ride on the jaw, mostly hidden behind the lower lip.
    ridge = 2.6 + 0.95 * jaw + 0.05 * (s / 4) ** 2 * 4
    lower = smoothstep((v - ridge + 0.4) / 0.9) * smoothstep((11.5 - np.abs(s)) / 3)
    between = 1 - 0.2 * np.exp(-(((np.mod(s + 1.6, 3.2) - 1.6) / 0.35) ** 2))
    colour += lower[..., None] * (_LOWER_TEETH * between[..., None] - colour)

    teeth, opacity = _portrait_teeth(s, v, texture)
    colour += opacity[..., None] * (0.93 * teeth - colour)

    # The lips shade what lies behind them, more so towards the corners.
    shade = 0.5 + 0.5 * smoothstep((v - top) / 1.8)
    shade *= 0.75 + 0.25 * smoothstep((bottom - v) / 1.5)
    shade *= 1 - 0.6 * smoothstep((np.abs(u) - 0.4) / 0.6)
    return colour * shade[..., None]
