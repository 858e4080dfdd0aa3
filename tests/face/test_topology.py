from __future__ import annotations

import numpy as np

from difftalker.face.topology import CONDITION, CONTOUR, INNER_LIPS, MOUTH, OUTER_LIPS, POINTS, POLYLINES


def test_groups_are_those_of_the_protocol() -> None:
    assert (len(CONDITION), len(CONTOUR), len(MOUTH)) == (39, 9, 20)
    assert sorted([*CONDITION, *CONTOUR, *MOUTH]) == list(range(POINTS))
    assert CONTOUR.tolist() == list(range(4, 13)) and MOUTH.tolist() == list(range(48, 68))
    assert sorted([*OUTER_LIPS, *INNER_LIPS]) == MOUTH.tolist()


def test_lines_use_every_point_once() -> None:
    drawn = [index for lines in POLYLINES.values() for indices, _, _ in lines for index in indices]
    assert sorted(drawn) == list(range(POINTS))
    colours = {name: {colour for _, _, colour in lines} for name, lines in POLYLINES.items()}
    assert all(len(found) == 1 for found in colours.values())
    assert len(set.union(*colours.values())) == len(POLYLINES)
    assert np.max([colour for found in colours.values() for colour in found]) <= 255
