"""The mouth shape that each phoneme asks for."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from demo_speaker.speech import PAUSE


@dataclass(frozen=True)
class Viseme:
    """A target of the mouth. Lengths are in portrait pixels (the mouth at rest is about 38 wide).

    gap: distance of the lips at the middle; jaw: drop of the chin; width: change of half the mouth width;
    rounding, tuck (lower lip against the upper teeth), press (lips pressed together), tongue (tip raised): 0 to 1;
    weight: how strongly it holds against its neighbours.
    """

    gap: float = 0.0
    jaw: float = 0.0
    width: float = 0.0
    rounding: float = 0.0
    tuck: float = 0.0
    press: float = 0.0
    tongue: float = 0.0
    weight: float = 1.0

    def vector(self) -> np.ndarray:
        """(7,) float64: all fields but the weight, in order."""
        return np.array(astuple(self)[:-1])


PARAMETERS = ("gap", "jaw", "width", "rounding", "tuck", "press", "tongue")

_REST = Viseme(weight=1.3)
_CLOSED = Viseme(gap=0.0, jaw=0.4, width=0.2, press=1.0, weight=1.6)
_TEETH_ON_LIP = Viseme(gap=2.6, jaw=0.6, width=0.6, tuck=1.0, weight=1.6)
_OPEN = Viseme(gap=12.5, jaw=7.0, width=0.0)
_OPEN_FRONT = Viseme(gap=11.0, jaw=6.2, width=1.6)
_MID = Viseme(gap=8.6, jaw=4.6, width=0.8)
_NEUTRAL = Viseme(gap=5.8, jaw=3.0, width=-0.4, weight=0.7)
_SPREAD = Viseme(gap=5.2, jaw=1.8, width=3.2)
_SPREAD_SHORT = Viseme(gap=5.6, jaw=2.4, width=1.8, weight=0.9)
_OPEN_ROUND = Viseme(gap=11.0, jaw=6.0, width=-3.6, rounding=0.7)
_ROUND = Viseme(gap=7.2, jaw=3.4, width=-5.0, rounding=1.0)
_TIGHT_ROUND = Viseme(gap=4.8, jaw=1.9, width=-6.4, rounding=1.0, weight=1.3)
_GLIDE_W = Viseme(gap=3.2, jaw=1.2, width=-7.0, rounding=1.0, weight=1.5)
_R = Viseme(gap=4.6, jaw=2.0, width=-2.8, rounding=0.6, weight=0.9)
_TIP = Viseme(gap=3.8, jaw=1.7, width=0.4, tongue=1.0, weight=0.7)
_L = Viseme(gap=5.2, jaw=2.6, width=0.3, tongue=1.0, weight=0.7)
_TH = Viseme(gap=4.6, jaw=1.9, width=0.5, tongue=1.0, weight=1.0)
_S = Viseme(gap=2.8, jaw=0.7, width=1.5, weight=1.0)
_SH = Viseme(gap=4.6, jaw=1.3, width=-3.4, rounding=0.8, weight=1.1)
_BACK = Viseme(gap=4.8, jaw=2.6, width=0.0, weight=0.5)
_BREATH = Viseme(gap=5.0, jaw=2.6, width=0.0, weight=0.3)
_Y = Viseme(gap=3.8, jaw=1.3, width=2.2, weight=0.8)

# Diphthongs glide over their duration, so a phoneme has one or more targets.
_TABLE: dict[str, tuple[Viseme, ...]] = {PAUSE: (_REST,)}


def _add(names: str, *visemes: Viseme) -> None:
    _TABLE.update(dict.fromkeys(names.split(), visemes))


_add("p b m", _CLOSED)
_add("f v", _TEETH_ON_LIP)
_add("a aa a: A A: A@ A# &", _OPEN)
_add("0 0# O O2 O: O@ o@ o o:", _OPEN_ROUND)
_add("V", _MID)
_add("E e e: e@ E#", _MID)
_add("@ @2 @5 @- a# 3 I# I2# @#", _NEUTRAL)
_add("3: 3:r @r @L", _NEUTRAL)
_add("i i: i@ i@3 I:", _SPREAD)
_add("I I2", _SPREAD_SHORT)
_add("u u: U: u@", _TIGHT_ROUND)
_add("U U@", _ROUND)
_add("aI aI@ aI3", _OPEN_FRONT, _SPREAD_SHORT)
_add("aU aU@", _OPEN, _ROUND)
_add("eI", _MID, _SPREAD)
_add("oU", _OPEN_ROUND, _TIGHT_ROUND)
_add("OI", _OPEN_ROUND, _SPREAD_SHORT)
_add("ju: ju", _Y, _TIGHT_ROUND)
_add("w", _GLIDE_W)
_add("r R", _R)
_add("t d n *", _TIP)
_add("l L", _L)
_add("T D", _TH)
_add("s z", _S)
_add("S Z tS dZ", _SH)
_add("k g N x q", _BACK)
_add("h ?", _BREATH)
_add("j", _Y)

_OTHERS: dict[str, Viseme] = {
    "a": _OPEN, "A": _OPEN, "O": _OPEN_ROUND, "o": _OPEN_ROUND, "0": _OPEN_ROUND, "u": _TIGHT_ROUND, "U": _ROUND,
    "i": _SPREAD, "I": _SPREAD_SHORT, "y": _TIGHT_ROUND, "Y": _ROUND, "W": _ROUND, "e": _MID, "E": _MID, "V": _MID,
    "p": _CLOSED, "b": _CLOSED, "m": _CLOSED, "f": _TEETH_ON_LIP, "v": _TEETH_ON_LIP, "w": _GLIDE_W,
    "s": _S, "z": _S, "S": _SH, "Z": _SH, "t": _TIP, "d": _TIP, "n": _TIP, "l": _L, "r": _R, "R": _R,
}  # fmt: skip


def visemes_of(phoneme: str) -> tuple[Viseme, ...]:
    """Targets of a phoneme in order. Phonemes of other languages fall back on the class of their first letter."""
    if phoneme in _TABLE:
        return _TABLE[phoneme]
    return (_OTHERS.get(phoneme[:1], _BACK),)


def closes_lips(phoneme: str) -> bool:
    """Whether the lips must touch: p, b, m and the like."""
    return visemes_of(phoneme)[0] is _CLOSED


def touches_teeth(phoneme: str) -> bool:
    """Whether the lower lip must touch the upper teeth: f, v and the like."""
    return visemes_of(phoneme)[0] is _TEETH_ON_LIP
