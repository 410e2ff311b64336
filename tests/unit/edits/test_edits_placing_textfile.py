"""Bytes to text and back: what is not touched keeps its bytes."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.domain.errors import CherryError, edits, tools
from cherry.edits.textfile import decode, new_file


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"", "utf-8", ""),
        (b"plain\n", "utf-8", "plain\n"),
        ("é\n".encode(), "utf-8", "é\n"),
        (b"\xef\xbb\xbfa\r\n", "utf-8", "a\r\n"),
        ("\ufeffé\n".encode("utf-16-le"), "utf-16-le", "é\n"),
        ("\ufeffé\n".encode("utf-16-be"), "utf-16-be", "é\n"),
        ("int main() {}\r\n".encode("utf-16-le"), "utf-16-le", "int main() {}\r\n"),
        ("\ufeffa\n".encode("utf-32-le"), "utf-32-le", "a\n"),
        ("# café crème\n".encode("latin-1"), "iso8859-1", "# café crème\n"),
        ("print(“naïve”)\n".encode("cp1252"), "cp1252", "print(“naïve”)\n"),
        (b"# -*- coding: latin-1 -*-\nx = 1\n", "iso8859-1", "# -*- coding: latin-1 -*-\nx = 1\n"),
        ("# -*- coding: koi8-r -*-\n# привет\n".encode("koi8-r"), "koi8-r", "# -*- coding: koi8-r -*-\n# привет\n"),
        (
            '<?xml version="1.0" encoding="ISO-8859-2"?>\n<a>łódź</a>\n'.encode("iso8859-2"),
            "iso8859-2",
            '<?xml version="1.0" encoding="ISO-8859-2"?>\n<a>łódź</a>\n',
        ),
        ("# coding: latin-1\n# ☃\n".encode(), "utf-8", "# coding: latin-1\n# ☃\n"),
    ],
)
def test_the_encoding_is_recognised_and_comes_back(data: bytes, encoding: str, text: str) -> None:
    file = decode(data)
    assert (file.encoding, file.text) == (encoding, text)
    assert file.encode(file.text) == data


@pytest.mark.parametrize(
    "data", [b"\0\1\2", b"\x7fELF\0\0", b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfe\x00\xd8", b"%PDF-1.7\n\xe2\xe3"]
)
def test_what_is_not_text_is_refused(data: bytes) -> None:
    with pytest.raises(CherryError) as caught:
        decode(data)
    assert caught.value.kind is tools.BINARY


@pytest.mark.parametrize("encoding", ["koi8-r", "cp1251", "shift_jis", "gbk", "iso8859-2"])
def test_bytes_of_an_encoding_that_is_not_certain_are_kept_and_nothing_foreign_is_added(encoding: str) -> None:
    sample = {"shift_jis": "# 日本語のテスト", "gbk": "# 中文注释测试", "iso8859-2": "# zażółć gęślą"}.get(
        encoding, "# привет мир"
    )
    data = f"{sample}\nx = 1\n".encode(encoding)
    file = decode(data)
    assert file.encode(file.text.replace("x = 1", "x = 2")) == data.replace(b"x = 1", b"x = 2")
    with pytest.raises(CherryError) as caught:
        file.encode(file.text.replace("x = 1", "x = 'ж'"))
    assert caught.value.kind is edits.ENCODING


def test_a_utf8_file_with_a_foreign_byte_keeps_it_and_takes_more_utf8() -> None:
    data = "ä ö ü ß é\nx\n".encode() + b"\xff\n"
    file = decode(data)
    assert file.encode(file.text.replace("x", "☃")) == data.replace(b"x", "☃".encode())


def test_a_foreign_byte_cannot_be_added() -> None:
    file = decode("ä ö ü ß é\nx\n".encode() + b"\xff\n")
    with pytest.raises(CherryError):
        file.encode(file.text + "\udcff")


def test_a_character_the_encoding_has_not_is_refused_by_name() -> None:
    with pytest.raises(CherryError) as caught:
        decode("café\n".encode("latin-1")).encode("café €\n")
    assert caught.value.kind is edits.ENCODING
    assert "U+20AC" in caught.value.message


def test_a_name_declared_by_a_file_cannot_choose_any_codec() -> None:
    assert decode(b"# coding: zip\n").encoding == "unknown"
    assert decode(b"# coding: ../../x\n").encoding == "unknown"
    assert decode(b"# coding: unicode_escape\n\\x41\n").text.endswith("\\x41\n")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_every_text_comes_back_byte_for_byte(data: bytes) -> None:
    with suppress(CherryError):
        file = decode(data)
        assert file.encode(file.text) == data


@pytest.mark.parametrize(
    ("before", "content", "after"),
    [
        ("a\r\nb\r\n", "a\nc\n", "a\r\nc\r\n"),
        ("a\nb", "a\nc\n", "a\nc"),
        ("a\nb\n", "a\nc", "a\nc\n"),
        ("a\r\nb\nc\r\n", "a\nb\nx\nc\n", "a\r\nb\nx\r\nc\r\n"),
        ("a\rb\r", "a\nc\n", "a\rc\r"),
        ("a\n", "a", "a"),
        ("a\r\n", "a\n", "a\n"),
        ("", "a\n", "a\n"),
        ("a\n", "", ""),
    ],
)
def test_a_whole_new_content_takes_the_ways_of_the_file(before: str, content: str, after: str) -> None:
    assert decode(before.encode()).adopt(content) == after


def test_a_new_file_is_utf8() -> None:
    assert new_file().encode("é\n") == "é\n".encode()
