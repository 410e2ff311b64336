"""Which encoding a file is in, said only when it is certain enough to write by.

Order: byte order mark · declaration in the file (PEP 263, XML, CSS, HTML) · valid UTF-8 · UTF-16 without mark · Western
single-byte text · unknown. A name declared in a file is untrusted: only encodings of a fixed list are used, and only when
the file's bytes survive decoding and encoding unchanged.
"""

import codecs
import re
from typing import NamedTuple

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Stateless and character by character: changing one place changes no byte elsewhere.
_DECLARABLE = frozenset(
    {f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)}
    | {f"cp{page}" for page in (437, 850, 852, 866, 932, 949, *range(1250, 1259))}
    | {"ascii", "utf-8", "koi8-r", "koi8-u", "mac-roman", "shift_jis", "euc_jp", "euc_kr"}
    | {"gb2312", "gbk", "gb18030", "big5"}
)
_PEP263 = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_EMACS = re.compile(rb"-\*-.*?coding:[ \t]*([-\w.]+).*?-\*-")
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding=[\"']([-\w.]+)[\"']")
_CSS = re.compile(rb"^@charset \"([-\w.]+)\";")
_HTML = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?([-\w.]+)", re.IGNORECASE)
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r\f\x1b\b")
_ODD_CONTROL_SHARE = 100
_HEAD = 4096


class Detected(NamedTuple):
    encoding: str
    """Python's name, or `unknown`."""
    bom: bytes = b""
    stray: bool = False
    """The text is in this encoding but for some bytes."""


def detect(data: bytes) -> Detected | None:
    """None for what is not text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _marked(data, mark, encoding)
    if 0 in data:
        return _unmarked_utf16(data)
    declared = _declared(data)
    if data.isascii():
        return _declared_ascii(data, declared)
    if _decodes(data, "utf-8"):
        return Detected("utf-8")
    if declared and declared in _DECLARABLE and _survives(data, declared):
        return Detected(declared)
    if _is_binary(data):
        return None
    return _western(data) or _mostly_utf8(data) or Detected("unknown", stray=True)


def _marked(data: bytes, mark: bytes, encoding: str) -> Detected | None:
    body = data[len(mark) :]
    if _survives(body, encoding) and "\0" not in body.decode(encoding):
        return Detected(encoding, mark)
    if encoding == "utf-8" and 0 not in body and not _is_binary(body):
        return Detected("utf-8", mark, stray=True)
    return None


def _declared_ascii(data: bytes, declared: str | None) -> Detected:
    # Nothing in the bytes speaks against the declaration, and what is added must be in the encoding its readers expect.
    if declared is None or declared == "ascii":
        return Detected("utf-8")
    if declared not in _DECLARABLE:
        return Detected("unknown")
    return Detected(declared) if _survives(data, declared) else Detected("unknown")


def _declared(data: bytes) -> str | None:
    """The normalised name a file declares about itself; None when it says nothing."""
    head = data[:_HEAD]
    first_lines = head.split(b"\n", 2)[:2]
    for line in first_lines:
        if found := _PEP263.match(line) or _EMACS.search(line):
            return _normal_name(found[1])
    if found := _XML.match(head) or _CSS.match(head):
        return _normal_name(found[1])
    if head.lstrip().startswith(b"<") and (found := _HTML.search(head)):
        return _normal_name(found[1])
    return None


def _normal_name(raw: bytes) -> str:
    """Python's own name for an encoding; the raw name, in lower case, for one it does not know."""
    name = raw.decode("ascii", "replace").lower()
    for suffix in ("-unix", "-dos", "-mac"):
        name = name.removesuffix(suffix)
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return name


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _survives(data: bytes, encoding: str) -> bool:
    try:
        return data.decode(encoding).encode(encoding) == data
    except UnicodeError:
        return False


def _unmarked_utf16(data: bytes) -> Detected | None:
    """UTF-16 of mostly Latin letters: NUL in every other byte and nowhere else, and no control characters."""
    if len(data) < 4 or len(data) % 2:
        return None
    for encoding, letters, zeros in (("utf-16-le", data[0::2], data[1::2]), ("utf-16-be", data[1::2], data[0::2])):
        if 0 not in letters and zeros.count(0) * 10 >= len(zeros) * 7 and _survives(data, encoding):
            text = data.decode(encoding)
            if not any(char < " " and char not in "\t\n\r\f" for char in text):
                return Detected(encoding)
    return None


def _is_binary(data: bytes) -> bool:
    controls = len(data) - len(data.translate(None, _CONTROLS))
    return controls * _ODD_CONTROL_SHARE > len(data) or data.startswith(b"%PDF-")


_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")


def _western(data: bytes) -> Detected | None:
    """Latin-1, or Windows-1252 where it uses that range: accented letters singly inside words of ASCII letters.

    Cyrillic, Greek and East Asian text has whole words of high bytes; Central European puts letters where Latin-1 has signs.
    """
    encoding = "cp1252" if re.search(rb"[\x80-\x9f]", data) else "iso8859-1"
    if not _survives(data, encoding):
        return None
    high = ascii_letters = 0
    for word in _WORD.findall(data):
        count = sum(byte > 0x7F for byte in word)
        if not count:
            continue
        if len(word) > count and re.search(rb"[A-Za-z][\xa1-\xbf\xd7\xf7][A-Za-z\xc0-\xff]", word):
            return None
        high += count
        ascii_letters += len(word) - count
    longest = max(len(run) for run in _HIGH_RUN.findall(data))
    return Detected(encoding) if longest <= 2 and ascii_letters >= high else None


def _mostly_utf8(data: bytes) -> Detected | None:
    """UTF-8 with a few foreign bytes in it."""
    text = data.decode("utf-8", "surrogateescape")
    stray = sum("\udc80" <= char <= "\udcff" for char in text)
    whole = sum(char > "\x7f" for char in text) - stray
    return Detected("utf-8", stray=True) if whole >= stray * 4 else None
