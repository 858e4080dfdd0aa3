"""Bytes and texts made wrong at random."""

from __future__ import annotations

import random
import re

_EXTREME = (
    b"\x00" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xff" * 8,
    b"\x00\x00\x00\x01",
)
_VALUES = (
    "-1", "0", "1e309", ".nan", ".inf", "-.inf", "99999999999999999999", "''", "null", "true", "[]", "{}", "[1, 2]",
    "{a: 1}", "0x10", "2026-13-45", "2026-02-30", "&a [*a]", "*a", "!!python/object/apply:os.getcwd []", "!!binary x",
    "../../etc/passwd", "/dev/zero", "a\x00b", "\ud7ff", "\u202e", "x" * 5000, "%s%n", "${item}", "- - -", "? :", "|",
)  # fmt: skip


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    """One to four changes: flipped bits, extreme numbers, pieces lost, doubled, zeroed, moved or cut off."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not changed:
            break
        # Half of the changes are among the first bytes, where containers say what they hold.
        end = min(len(changed), 400) if chance.random() < 0.5 else len(changed)
        at = chance.randrange(end)
        size = min(chance.choice((1, 4, 16, 300, 4000)), len(changed) - at)
        what = chance.randrange(8)
        if what == 0:
            for _ in range(chance.choice((1, 3, 30))):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        elif what == 1:
            extreme = chance.choice(_EXTREME)
            changed[at : at + len(extreme)] = extreme
        elif what == 2:
            del changed[at : at + size]
        elif what == 3:
            changed[at:at] = changed[at : at + size]
        elif what == 4:
            changed[at : at + size] = bytes(size)
        elif what == 5:
            changed[at : at + size] = chance.randbytes(size)
        elif what == 6:
            del changed[at:]
        else:
            other = chance.randrange(len(changed))
            changed[other : other + size] = changed[at : at + size]
    return bytes(changed)


def damaged_text(text: str, chance: random.Random) -> str:
    """One to three changes: values, keys and lines replaced, lost, doubled, moved or indented otherwise."""
    for _ in range(chance.randint(1, 3)):
        lines = text.splitlines() or [""]
        at = chance.randrange(len(lines))
        what = chance.randrange(7)
        if what == 0:
            lines[at] = re.sub(r"([:=,]\s*)[^,}\]]+", lambda m: m[1] + chance.choice(_VALUES), lines[at], count=1)
        elif what == 1:
            words = list(re.finditer(r"[\w.]+", lines[at]))
            if words:
                word = chance.choice(words)
                lines[at] = lines[at][: word.start()] + chance.choice(_VALUES) + lines[at][word.end() :]
        elif what == 2:
            del lines[at]
        elif what == 3:
            lines.insert(at, lines[chance.randrange(len(lines))])
        elif what == 4:
            lines[at] = " " * chance.randrange(6) + lines[at].lstrip()
        elif what == 5:
            place = chance.randrange(len(lines[at]) + 1)
            lines[at] = (
                lines[at][:place]
                + chance.choice(("\t", ":", "{", "]", '"', "'", "#", "&", "\u00e9"))
                + lines[at][place:]
            )
        else:
            lines.append(chance.choice(_VALUES))
        text = "\n".join(lines) + "\n"
    return text
