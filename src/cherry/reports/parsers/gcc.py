"""gcc, clang and clang-tidy, in every language gcc is translated to; gcc's JSON; what the linker says."""

import re
from typing import Any

from cherry.reports.collecting import Finds
from cherry.reports.paths import Paths
from cherry.reports.report import Found
from cherry.reports.text import Output

_ERRORS = (
    "error", "fatal error", "internal compiler error", "fejl", "fatal fejl", "Fehler", "schwerwiegender Fehler", "σφάλμα",
    "μοιραίο σφάλμα", "error fatal", "virhe", "vakava virhe", "erreur", "erreur fatale", "greška", "fatalna greška", "エラー",
    "致命的エラー", "fout", "fatale fout", "ошибка", "фатальная ошибка", "грешка", "кобна грешка", "fel", "ödesdigert fel",
    "hata", "ölümcül hata", "помилка", "критична помилка", "lỗi", "lỗi nghiêm trọng", "错误", "致命错误", "錯誤", "嚴重錯誤",
)  # fmt: skip
_WARNINGS = (
    "warning", "advarsel", "Warnung", "προειδοποίηση", "aviso", "varoitus", "attention", "avertissement", "upozorenje",
    "peringatan", "警告", "let op", "предупреждение", "упозорење", "varning", "UYARI", "uyarı", "попередження", "cảnh báo",
)  # fmt: skip
"""gcc's own translations. A note explains the finding before it, so the words for it are not needed."""

_WORD = "|".join(re.escape(word) for word in sorted((*_ERRORS, *_WARNINGS), key=len, reverse=True))
_SOURCE = r"[^\s:][^:\n]*\.(?:[chCH]|cc|hh|cpp|hpp|cxx|hxx|c\+\+|h\+\+|mm?|cu|cuh|inl|ipp|tcc|def|S|s|f90|f|adb)"
_FINDING = re.compile(
    rf"^(?P<path>[^\s:][^:]*):(?P<line>\d+)(?::\d+)?: ?(?P<severity>{_WORD})(?: ?:|：) ?(?P<message>.*?)(?: \[(?P<code>-?[\w.,=+-]+)\])?$"
)
SHAPE = re.compile(
    rf"^{_SOURCE}:\d+(?::\d+)?: ?(?:{_WORD})(?: ?:|：)|: undefined reference to |^ld(?:\.lld)?: error: |\"column-origin\": ",
    re.MULTILINE,
)
_LINKER = re.compile(
    r"^(?:\S*ld(?:\.\w+)?: )?(?P<path>[^\s:]+):(?:(?P<line>\d+): |\([^)]*\): )"
    r"(?P<message>(?:undefined reference to|multiple definition of) .*)$"
)
_CLANG = re.compile(
    r"^\d+ (?:warning|error)s?(?: and \d+ errors?)? generated\.$|^clang(?:\+\+)?(?:-\d+)?: ", re.MULTILINE
)
_LLD = re.compile(r"^(?:ld\.lld|ld64\.lld|ld|wasm-ld): error: (?P<message>.+)$")
_DRIVER = re.compile(
    r"^(?:\S*(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-\d+)?|cc1(?:plus)?): (?P<severity>fatal error|error): (?P<message>.+)$"
)
_NOT_FINDINGS = ("linker command failed", "no input files")


def parse(shown: Output, paths: Paths) -> Found:
    finds = Finds("clang" if _CLANG.search(shown.text) else "gcc", paths)
    for document in shown.documents:
        _document(document, finds)
    for line in shown.lines:
        if found := _FINDING.match(line):
            finds.add(
                found["path"],
                found["line"],
                found["message"],
                code=found["code"] or "",
                severity="warning" if found["severity"] in _WARNINGS else "error",
            )
        elif found := _LINKER.match(line):
            finds.add(found["path"], found["line"] or 0, found["message"], source="ld")
        elif found := _LLD.match(line):
            finds.add("", 0, found["message"], source="ld")
    if not finds:
        _driver(shown.lines, finds)
    return finds.found()


def _document(document: Any, finds: Finds) -> None:
    """`-fdiagnostics-format=json`."""
    for entry in document if isinstance(document, list) else []:
        if not isinstance(entry, dict) or "kind" not in entry or entry["kind"] == "note":
            continue
        locations = entry.get("locations")
        first = locations[0] if isinstance(locations, list) and locations else None
        caret = first.get("caret") if isinstance(first, dict) else None
        place = caret if isinstance(caret, dict) else {}
        line = place.get("line")
        finds.add(
            str(place.get("file", "")),
            line if isinstance(line, int) else 0,
            str(entry.get("message", "")),
            code=str(entry.get("option") or ""),
            severity=str(entry["kind"]),
        )


def _driver(lines: list[str], finds: Finds) -> None:
    for line in lines:
        if (found := _DRIVER.match(line)) and not found["message"].startswith(_NOT_FINDINGS):
            finds.add("", 0, found["message"], severity=found["severity"])
