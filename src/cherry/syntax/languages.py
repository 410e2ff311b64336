"""Which language a file is written in, and which grammar reads it. Facts only: one row a language."""

from pathlib import PurePosixPath
from typing import NamedTuple


class Language(NamedTuple):
    name: str
    grammar: str = ""
    """Module of the tree-sitter grammar; empty for data formats, which have parsers of their own."""
    entry: str = "language"
    """Function of that module that gives the grammar."""
    suffixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Whole file names."""


LANGUAGES = (
    Language("python", "tree_sitter_python", suffixes=(".py", ".pyi")),
    Language("javascript", "tree_sitter_javascript", suffixes=(".js", ".jsx", ".mjs", ".cjs")),
    Language("typescript", "tree_sitter_typescript", "language_typescript", suffixes=(".ts", ".mts", ".cts")),
    Language("tsx", "tree_sitter_typescript", "language_tsx", suffixes=(".tsx",)),
    Language("go", "tree_sitter_go", suffixes=(".go",)),
    Language("rust", "tree_sitter_rust", suffixes=(".rs",)),
    Language("java", "tree_sitter_java", suffixes=(".java",)),
    Language("c", "tree_sitter_c", suffixes=(".c",)),
    Language("cpp", "tree_sitter_cpp", suffixes=(".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx")),
    Language("c#", "tree_sitter_c_sharp", suffixes=(".cs",)),
    Language("ruby", "tree_sitter_ruby", suffixes=(".rb", ".rake"), names=("Rakefile", "Gemfile")),
    Language("php", "tree_sitter_php", "language_php", suffixes=(".php",)),
    Language("shell", "tree_sitter_bash", suffixes=(".sh", ".bash")),
    Language("kotlin", "tree_sitter_kotlin", suffixes=(".kt", ".kts")),
    Language("scala", "tree_sitter_scala", suffixes=(".scala",)),
    Language("lua", "tree_sitter_lua", suffixes=(".lua",)),
    Language("json", suffixes=(".json",), names=("composer.lock", ".prettierrc")),
    Language("toml", suffixes=(".toml",), names=("Cargo.lock", "uv.lock", "poetry.lock")),
    Language("yaml", suffixes=(".yaml", ".yml")),
)

_BY_SUFFIX = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
_BY_NAME = {name: language for language in LANGUAGES for name in language.names}

_JSON_WITH_COMMENTS = ("tsconfig", "jsconfig", ".eslintrc", "devcontainer", "settings", "launch", "tasks", "extensions")
"""Files that end in .json and by custom hold comments: strict JSON would find faults where there are none."""


def language_of(path: str) -> Language | None:
    """From the name alone; None when there is nothing to say about such a file."""
    pure = PurePosixPath(path)
    language = _BY_NAME.get(pure.name) or _BY_SUFFIX.get(pure.suffix.lower())
    if language is not None and language.name == "json" and pure.name.lower().startswith(_JSON_WITH_COMMENTS):
        return None
    return language
