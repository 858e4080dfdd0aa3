"""The still portrait behind the demo speaker and what is known of its geometry.

The picture is `skimage.data.astronaut()`: Eileen Collins, NASA, public domain. Coordinates are its pixels (512 x 512),
x to the right and y down, integers at pixel centres.
"""

from __future__ import annotations

import numpy as np
from skimage import data

REGION = (121.5, 11.0, 208.0)
"""Left, top and side length of the square that becomes the video frame."""

# Found once with dlib's 68-point predictor on the portrait enlarged twice (cubic), divided by two.
# fmt: off
PORTRAIT_LANDMARKS = np.array([
    (179.5, 104.5), (180.0, 116.0), (181.0, 127.0), (182.0, 138.5), (185.0, 149.5), (191.0, 160.0), (200.0, 168.0),
    (209.0, 175.5), (220.5, 178.5), (232.0, 177.0), (242.5, 171.5), (252.5, 164.0), (260.0, 154.5), (265.0, 144.0),
    (268.0, 132.5), (270.5, 121.0), (272.0, 109.0), (186.5, 94.5), (192.0, 88.5), (200.5, 87.5), (209.0, 89.0),
    (216.5, 92.5), (236.5, 94.0), (244.5, 91.0), (252.5, 91.0), (260.5, 93.0), (265.5, 99.5), (226.0, 102.5),
    (225.5, 111.0), (225.5, 119.0), (225.0, 127.5), (214.5, 131.5), (219.5, 133.0), (224.5, 134.5), (229.5, 133.5),
    (234.5, 132.0), (195.5, 101.5), (200.5, 98.0), (207.0, 99.0), (212.5, 104.0), (206.5, 104.5), (200.0, 104.0),
    (238.0, 105.5), (243.5, 100.5), (250.0, 101.0), (255.5, 104.5), (250.5, 106.5), (244.0, 106.5), (200.5, 139.0),
    (209.0, 139.5), (218.0, 139.5), (223.5, 141.0), (229.5, 140.0), (237.5, 140.5), (246.0, 141.0), (237.5, 151.0),
    (229.0, 155.0), (222.5, 155.5), (216.0, 154.5), (207.5, 149.5), (203.5, 140.5), (217.5, 143.0), (223.5, 144.5),
    (229.5, 143.5), (243.0, 142.0), (229.0, 150.0), (223.0, 150.5), (217.0, 149.5)])
"""(68, 2) float64, iBUG order, of the smiling portrait."""

# Depth towards the viewer, for turning the head: the contour lies back, the nose tip in front.
_CONTOUR_DEPTH = [-30, -28, -26, -23, -18, -11, -4, 1, 3, 1, -4, -11, -18, -23, -26, -28, -30]
_BROW_DEPTH = [-8, -2, 2, 4, 5, 5, 4, 2, -2, -8]
_NOSE_DEPTH = [6, 10, 15, 20, 8, 11, 13, 11, 8]
_EYE_DEPTH = [-6, -2, -1, -1, -1, -2, -1, -1, -2, -6, -2, -1]
MOUTH_DEPTH = 7.0
"""The whole mouth lies in one plane, so that its local frame stays affine in the picture."""
DEPTH = np.array([*_CONTOUR_DEPTH, *_BROW_DEPTH, *_NOSE_DEPTH, *_EYE_DEPTH, *[MOUTH_DEPTH] * 20], np.float64)
"""(68,) float64, portrait pixels."""

# Hair and ears: they follow the head like the contour (x, y, depth).
HEAD_POINTS = np.array([
    (153, 75, -22), (155, 98, -24), (167, 117, -26), (176, 131, -28), (164, 54, -20), (190, 34, -16), (225, 17, -14),
    (262, 26, -16), (285, 46, -18), (298, 75, -22), (298, 95, -24), (285, 119, -26), (268, 136, -28), (203, 78, 0),
    (246, 81, 0), (225, 52, -2)], np.float64)

# Traced lip borders in the portrait, left corner to right (x, y). The inner ones lie a little inside the lip, so that
# no pixel of the smile's teeth is carried along.
UPPER_OUTER = np.array([
    (201.8, 138.3), (206, 138.6), (212, 138.7), (217, 138.9), (220, 139.2), (223.5, 139.9), (227, 139.2), (231, 139.3),
    (236, 139.5), (241, 139.6), (245, 140.2)])
UPPER_INNER = np.array([
    (201.8, 138.6), (204, 138.9), (206, 139.5), (208, 140.5), (212, 140.9), (215.5, 141.4), (219, 142.6),
    (223, 143.1), (227, 142.8), (231, 142.4), (235, 141.6), (239, 140.4), (242, 140.1), (245, 140.3)])
LOWER_INNER = np.array([
    (201.8, 139.6), (204, 142), (206, 144.1), (208, 145.7), (210, 147.2), (213, 148.6), (217, 149.5), (222, 150.2),
    (226, 150.1), (230, 149.8), (233, 148.8), (236, 147.4), (239, 145.7), (242, 143.4), (245, 141.0)])
LOWER_OUTER = np.array([
    (201.8, 140.4), (204, 144.4), (208, 149.6), (211, 152.2), (214, 153.8), (218, 154.9), (223, 155.2), (228, 154.6),
    (232, 153.4), (236, 151.2), (240, 147.8), (243, 144.2), (245, 141.8)])
# fmt: on

# Body: (x, y, share of the head's motion, share of the jaw's drop). The neck follows in part, the collar barely.
# fmt: off
BODY_POINTS = np.array([
    (187, 180, 0.45, 0.1), (205, 185, 0.4, 0.4), (222, 189, 0.4, 0.5), (235, 190, 0.4, 0.4), (252, 183, 0.45, 0.15),
    (258, 171, 0.5, 0), (180, 160, 0.4, 0), (150, 149, 0.12, 0), (126, 175, 0.08, 0), (292, 190, 0.08, 0),
    (160, 205, 0.1, 0), (222, 212, 0.12, 0), (270, 208, 0.1, 0)], np.float64)
# fmt: on

PIVOT = np.array([225.0, 172.0])
"""Where the head turns on the neck."""

SHOULDER_ROW = 150.0
"""Portrait row below which the picture's border shows the body, not the background."""


def border_points() -> np.ndarray:
    """(n, 2) float64: points around the region that hold the background where it is."""
    left, top, side = REGION
    low_x, high_x, low_y, high_y = left - 10, left + side + 10, top - 10, top + side + 12
    xs = np.linspace(low_x, high_x, 6)
    ys = np.linspace(low_y, high_y, 6)[1:-1]
    rows = [(x, y) for y in (low_y, high_y) for x in xs]
    return np.array(rows + [(x, y) for x in (low_x, high_x) for y in ys])


def border_curve(curve: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Points of a traced lip border at u in -1 (left corner) .. 1 (right). Returns (len(u), 2) float64."""
    x = curve[0, 0] + (np.asarray(u) + 1) / 2 * (curve[-1, 0] - curve[0, 0])
    return np.stack([x, np.interp(x, curve[:, 0], curve[:, 1])], -1)


def texture() -> np.ndarray:
    """(512, 512, 3) uint8 RGB: the portrait."""
    return np.ascontiguousarray(data.astronaut()[..., :3])
