"""Small pictures without a library: a canvas of RGB pixels with smooth lines and a 5 × 7 font, and its PNG (W3C: PNG, colour type 2)."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from typing import Final

Colour = tuple[int, int, int]

# Printable ASCII, five columns each, the lowest bit on top.
_FONT: Final = bytes.fromhex(
    "000000000000005f00000007000700147f147f14242a7f2a12231308646236495620500005030000001c2241000041221c0014083e081408083e0808"
    "00503000000808080808006060000020100804023e5149453e00427f400042615149462141454b311814127f1027454545393c4a4949300171090503"
    "3649494936064949291e003636000000563600000814224100141414141400412214080201510906324979413e7e1111117e7f494949363e41414122"
    "7f4141221c7f494949417f090909013e4149497a7f0808087f00417f41002040413f017f081422417f404040407f020c027f7f0408107f3e4141413e"
    "7f090909063e4151215e7f09192946464949493101017f01013f4040403f1f2040201f3f4038403f631408146307087008076151494543007f414100"
    "02040810200041417f0004020102044040404040000102040020545454787f484444383844444420384444487f3854545418087e0901020c5252523e"
    "7f0804047800447d40002040443d007f1028440000417f40007c041804787c0804047838444444387c14141408081414187c7c080404084854545420"
    "043f4440203c4040207c1c2040201c3c4030403c44281028440c5050503c4464544c44000836410000007f000000413608001008081008"
)


class Canvas:
    """`width` × `height` pixels; (0, 0) is the top left corner."""

    def __init__(self, width: int, height: int, background: Colour = (255, 255, 255)) -> None:
        self.width, self.height = width, height
        self._pixels = bytearray(bytes(background) * (width * height))

    def box(self, left: int, top: int, width: int, height: int, colour: Colour) -> None:
        """Fill a rectangle; what lies outside is cut off."""
        start, end = max(0, left), min(self.width, left + width)
        row = bytes(colour) * max(0, end - start)
        for y in range(max(0, top), min(self.height, top + height)):
            at = (y * self.width + start) * 3
            self._pixels[at : at + len(row)] = row

    def text(self, left: int, top: int, text: str, colour: Colour, scale: int = 3) -> None:
        """Write one line; characters beyond ASCII become question marks."""
        for number, character in enumerate(text):
            code = ord(character) - 32 if 32 <= ord(character) < 127 else ord("?") - 32
            for column, bits in enumerate(_FONT[code * 5 : code * 5 + 5]):
                for row in range(7):
                    if bits >> row & 1:
                        self.box(left + (number * 6 + column) * scale, top + row * scale, scale, scale, colour)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, thickness: float = 5.0) -> None:
        """A smooth line through the points; a single point is a dot."""
        cover: dict[int, float] = {}
        for begin, end in zip(points, points[1:] or points, strict=False):
            self._segment(cover, begin, end, thickness / 2)
        for place, share in cover.items():
            self._blend(place, colour, share)

    def png(self) -> bytes:
        """The picture as a file."""
        stride = self.width * 3
        rows = b"".join(b"\0" + self._pixels[y * stride : (y + 1) * stride] for y in range(self.height))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 6)) + _chunk(b"IEND", b"")

    def _segment(self, cover: dict[int, float], begin: tuple[float, float], end: tuple[float, float], radius: float) -> None:
        """How much of each pixel near the segment is covered, by its distance; the most of all segments counts."""
        (x1, y1), (x2, y2) = begin, end
        dx, dy = x2 - x1, y2 - y1
        square = dx * dx + dy * dy
        reach = radius + 1
        for x in range(max(0, math.floor(min(x1, x2) - reach)), min(self.width - 1, math.ceil(max(x1, x2) + reach)) + 1):
            low, high = _span(x, reach, begin, end)
            for y in range(max(0, math.floor(low - reach)), min(self.height - 1, math.ceil(high + reach)) + 1):
                along = min(1.0, max(0.0, ((x - x1) * dx + (y - y1) * dy) / square)) if square else 0.0
                share = radius + 0.5 - math.hypot(x - x1 - along * dx, y - y1 - along * dy)
                if share > 0:
                    place = y * self.width + x
                    cover[place] = max(cover.get(place, 0.0), min(1.0, share))

    def _blend(self, place: int, colour: Colour, share: float) -> None:
        for channel in range(3):
            before = self._pixels[place * 3 + channel]
            self._pixels[place * 3 + channel] = round(before + (colour[channel] - before) * share)


def _span(x: int, reach: float, begin: tuple[float, float], end: tuple[float, float]) -> tuple[float, float]:
    """The lowest and highest y that the segment has within `reach` of column x."""
    (x1, y1), (x2, y2) = sorted((begin, end))
    if x2 - x1 < 1e-9:
        return min(y1, y2), max(y1, y2)
    slope = (y2 - y1) / (x2 - x1)
    ends = [y1 + (min(x2, max(x1, x + side)) - x1) * slope for side in (-reach, reach)]
    return min(ends), max(ends)


def text_width(text: str, scale: int = 3) -> int:
    """How many pixels a line of text takes."""
    return max(0, len(text) * 6 - 1) * scale


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
