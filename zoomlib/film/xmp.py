"""XMP packets: tags of a film or picture as the XML that cameras, editors and platforms read (ISO 16684-1)."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from zoomlib.errors import InvalidInputError

RDF, XML = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://www.w3.org/XML/1998/namespace"
SPACES = {
    "x": "adobe:ns:meta/",
    "rdf": RDF,
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
WORDS = {"title": "dc:title", "description": "dc:description", "comment": "exif:UserComment"}
"""Tags in one language, and their properties."""
FACTS = {
    "digital_source_type": "Iptc4xmpExt:DigitalSourceType",
    "model": "Iptc4xmpExt:AISystemUsed",  # IPTC Photo Metadata 2025.1
    "software": "xmp:CreatorTool",
}
"""Facts of the comment that have properties of their own."""
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # not a Char of XML 1.0
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = '<?xpacket end="r"?>'


def write(tags: Mapping[str, str], facts: Mapping[str, object]) -> bytes:
    """The packet of `tags` (WORDS) and `facts` (FACTS), UTF-8; other names are left out."""
    meta = ET.Element(_name("x:xmpmeta"))
    about = ET.SubElement(ET.SubElement(meta, _name("rdf:RDF")), _name("rdf:Description"), {_name("rdf:about"): ""})
    for tag, name in WORDS.items():
        if tag in tags:
            choices = ET.SubElement(ET.SubElement(about, _name(name)), _name("rdf:Alt"))
            ET.SubElement(choices, _name("rdf:li"), {f"{{{XML}}}lang": "x-default"}).text = _ILLEGAL.sub("", tags[tag])
    for fact, name in FACTS.items():
        if facts.get(fact):
            ET.SubElement(about, _name(name)).text = _ILLEGAL.sub("", str(facts[fact]))
    for prefix, space in SPACES.items():
        ET.register_namespace(prefix, space)
    return f"{_BEGIN}\n{ET.tostring(meta, encoding='unicode')}\n{_END}".encode()


def read(packet: bytes) -> dict[str, str]:
    """The tags of a packet; inverse of `write` for WORDS. Raises InvalidInputError for what is no XMP."""
    if b"<!" in packet:  # no packet declares types or entities, which could be made to grow without end
        raise InvalidInputError("The XMP of this file declares entities; it was not written by us. Strip it.")
    try:
        root = ET.fromstring(packet)  # noqa: S314  without declarations there is nothing to expand
    except ET.ParseError as error:
        raise InvalidInputError(f"The XMP of this file is broken ({error}). Make the file again.") from error
    found = {tag: root.find(f".//{_name(name)}/{_name('rdf:Alt')}/{_name('rdf:li')}") for tag, name in WORDS.items()}
    return {tag: element.text or "" for tag, element in found.items() if element is not None}


def _name(prefixed: str) -> str:
    prefix, name = prefixed.split(":")
    return f"{{{SPACES[prefix]}}}{name}"
