"""What a file is by its first bytes: to say `a PNG image` instead of `not text`. Facts as data."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (or a document in one: docx, xlsx, jar, whl)"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x7fELF", "a compiled program (ELF)"),
    (b"\xcf\xfa\xed\xfe", "a compiled program (Mach-O)"),
    (b"MZ\x90\x00", "a compiled program (Windows)"),
    (b"\x00asm", "a WebAssembly module"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"\xca\xfe\xba\xbe", "a compiled Java class"),
    (b"OggS", "an Ogg sound or film"),
    (b"ID3", "an MP3 sound"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
)
_AT_FOUR = ((b"ftyp", "a film or picture (MP4, HEIC)"),)


def kind_of(head: bytes) -> str:
    """Empty when the first bytes tell nothing."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "a WebP image"
    for signature, kind in _SIGNATURES:
        if head.startswith(signature) and (b"\0" in head[:512] or not _may_be_text(head)):
            return kind
    return next((kind for signature, kind in _AT_FOUR if head[4:8] == signature and b"\0" in head[:4]), "")


def _may_be_text(head: bytes) -> bool:
    """A text may begin with `BZh` or `ID3`; a PDF or an image with nothing but ASCII in its first bytes does not count as one."""
    return head[:512].isascii() and not head.startswith((b"%PDF-", b"GIF8"))
