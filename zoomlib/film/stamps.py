"""Where files of each kind hold an XMP packet, byte by byte, and how it is put there and found again.

Pictures and films are not coded anew: the packet is one more chunk, block or box of the file.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import IO

from zoomlib.errors import InvalidInputError

PNG, PNG_XMP = b"\x89PNG\r\n\x1a\n", b"XML:com.adobe.xmp"
GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
GIF_TRAILER = bytes([1, *range(255, -1, -1), 0])
"""What reads the packet as sub-blocks of a length each lands, wherever it leaves the text, at the end of this."""
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The UUID of the box that holds XMP in files of the ISO base media format (XMP Specification, part 3, 1.2.7)."""
_WEBP_XMP, _WEBP_ALPHA = 0x04, 0x10


def png(data: bytes, xmp: bytes, texts: Mapping[str, str]) -> bytes:
    """A PNG with `texts`, by keyword, and the packet in iTXt chunks; those of an earlier call are replaced.

    Raises InvalidInputError, as the other functions here, for bytes that are not of this kind.
    """
    replaced = {keyword.encode("latin-1") for keyword in texts} | {PNG_XMP}
    head, *rest = (chunk for chunk in _png_chunks(data) if not (chunk[0] == b"iTXt" and _keyword(chunk[1]) in replaced))
    told = [(keyword.encode("latin-1"), text.encode()) for keyword, text in texts.items()] + [(PNG_XMP, xmp)]
    added = [(b"iTXt", keyword + b"\0\0\0\0\0" + text) for keyword, text in told]
    return PNG + b"".join(_png_chunk(*chunk) for chunk in (head, *added, *rest))


def webp(data: bytes, xmp: bytes) -> bytes:
    """A WebP with the packet as its last chunk (RFC 9649, section 2.7)."""
    chunks = [chunk for chunk in _webp_chunks(data) if chunk[0] != b"XMP "]
    if not chunks or chunks[0][0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _webp_header(*chunks[0]) if chunks else b""))
    name, header = chunks[0]
    chunks[0] = (name, bytes([header[0] | _WEBP_XMP]) + header[1:])
    body = b"WEBP" + b"".join(_webp_chunk(*chunk) for chunk in (*chunks, (b"XMP ", xmp)))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(data: bytes, xmp: bytes) -> bytes:
    """A GIF with the packet in an application extension at its end."""
    if data[:6] not in (b"GIF87a", b"GIF89a") or not data.endswith(b";"):
        raise InvalidInputError("These are not the bytes of a whole GIF.")
    earlier = data.rfind(GIF_XMP)
    kept = data[:-1] if earlier < 0 or not data.endswith(GIF_TRAILER + b";") else data[:earlier]
    return b"GIF89a" + kept[6:] + GIF_XMP + xmp + GIF_TRAILER + b";"  # the edition of 1987 has no extensions


def film(path: Path, xmp: bytes) -> None:
    """Append the box with the packet to a file of the ISO base media format (MP4, MOV), in place of an earlier one."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        for at, length, name in _boxes(file, end):
            if name == b"uuid" and at + length == end and _uuid(file, at) == XMP_BOX:
                file.truncate(at)
        file.seek(0, os.SEEK_END)
        file.write(struct.pack(">I4s16s", 24 + len(xmp), b"uuid", XMP_BOX) + xmp)


def find_in_film(path: Path) -> bytes | None:
    """The packet in an MP4 or MOV; None where there is none."""
    with path.open("rb") as file:
        for at, length, name in _boxes(file, file.seek(0, os.SEEK_END)):
            if name == b"uuid" and _uuid(file, at) == XMP_BOX:
                return file.read(length - 24)
    return None


def _boxes(file: IO[bytes], end: int) -> Iterator[tuple[int, int, bytes]]:
    """Where each box of the file begins, its length, and its name."""
    at = 0
    while at < max(end, 1):
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8).ljust(8, b"\xff"))  # the end is no box
        if length == 1:  # a longer one, whose length follows
            length = int.from_bytes(file.read(8), "big")
        length = length or end - at
        if length < 8 or at + length > end or (at == 0 and name != b"ftyp"):
            raise InvalidInputError("These are not the bytes of a whole MP4 or MOV.")
        yield at, length, name
        at += length


def _uuid(file: IO[bytes], at: int) -> bytes:
    file.seek(at + 8)
    return file.read(16)


def find(data: bytes) -> bytes | None:
    """The packet in the bytes of a PNG, WebP or GIF; None where there is none or the bytes are another kind's."""
    for magic, search in _SEARCHES.items():
        if data.startswith(magic):
            return search(data)
    return None


def _in_png(data: bytes) -> bytes | None:
    found = (body for name, body in _png_chunks(data) if name == b"iTXt" and _keyword(body) == PNG_XMP)
    return next((body[len(PNG_XMP) + 5 :] for body in found), None)


def _in_webp(data: bytes) -> bytes | None:
    return next((body for name, body in _webp_chunks(data) if name == b"XMP "), None)


def _in_gif(data: bytes) -> bytes | None:
    start = data.rfind(GIF_XMP)
    end = data.find(GIF_TRAILER, start)
    return None if min(start, end) < 0 else data[start + len(GIF_XMP) : end]


_SEARCHES: dict[bytes, Callable[[bytes], bytes | None]] = {PNG: _in_png, b"RIFF": _in_webp, b"GIF89a": _in_gif}


def _keyword(body: bytes) -> bytes:
    return bytes(takewhile(bool, body[:80]))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(PNG) or not data.endswith(_png_chunk(b"IEND", b"")):
        raise InvalidInputError("These are not the bytes of a whole PNG.")
    at = len(PNG)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < struct.unpack_from("<I", data, 4)[0] + 8:
        raise InvalidInputError("These are not the bytes of a whole WebP.")
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _webp_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _webp_header(name: bytes, body: bytes) -> bytes:
    """The extended header that a WebP of one plain picture does without: flags, then width - 1 and height - 1."""
    if name == b"VP8L":  # 14 bits of width - 1, 14 of height - 1, one that says whether there is transparency
        bits = int.from_bytes(body[1:5], "little")
        width, height, flags = bits & 0x3FFF, bits >> 14 & 0x3FFF, _WEBP_ALPHA * (bits >> 28 & 1)
    else:
        width, height = (int.from_bytes(body[at : at + 2], "little") % 0x4000 - 1 for at in (6, 8))
        flags = 0
    return bytes([flags, 0, 0, 0]) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
