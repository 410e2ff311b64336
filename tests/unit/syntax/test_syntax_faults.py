"""Broken syntax is found at its line; what parses is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.syntax.faults import syntax_faults
from cherry.syntax.languages import LANGUAGES, language_of

WHOLE = {
    "a.py": "def f(x):\n    return {k: v for k, v in x}\n",
    "a.js": "export const f = async (x) => { await x?.y ?? 1; };\n",
    "a.ts": "type A<T> = { a: T }; const f = <T,>(x: T): A<T> => ({ a: x });\n",
    "a.tsx": "const A = (p: { n: string }) => <b key='1'>{p.n}</b>;\n",
    "a.go": "package main\n\nfunc main() {\n\tx := []int{1}\n\t_ = x\n}\n",
    "a.rs": 'fn main() { let v: Vec<u8> = vec![1]; println!("{v:?}"); }\n',
    "A.java": "class A { int f(int x) { return x > 1 ? x : 0; } }\n",
    "a.c": '#include <stdio.h>\nint main(void) { return puts("x") > 0; }\n',
    "a.cpp": "template <class T> auto f(T x) -> decltype(x) { return x; }\n",
    "A.cs": "class A { int F(int x) => x switch { 1 => 2, _ => 3 }; }\n",
    "a.rb": "def f(x)\n  x.map { |y| y + 1 }\nend\n",
    "a.php": "<?php\nfunction f(int $x): int { return $x ?? 1; }\n",
    "a.sh": 'for f in *.txt; do\n  echo "$f"\ndone\n',
    "a.kt": "fun f(x: Int): Int { return x + 1 }\n",
    "a.scala": "object A { def f(x: Int): Int = x + 1 }\n",
    "a.lua": "local function f(x) return x + 1 end\n",
    "a.json": '{"a": [1, 2, {"b": null}]}\n',
    "a.toml": "[a]\nb = 1\n",
    "a.yaml": "a:\n  - b\n  - c: 1\n",
}
BROKEN = {
    "a.py": ("def f(x):\n    return (1,\n", 2),
    "b.py": ("def f(x):\n    y = 1\n      return y\n", 3),
    "a.js": ("function f( {\n  return 1;\n}\n", 1),
    "a.ts": ("const x: = 1;\n", 1),
    "a.tsx": ("const A = () => <b>{</b>;\n", 1),
    "a.go": ("package main\n\nfunc main() {\n\tx := [}\n}\n", 4),
    "a.rs": ("fn main() {\n    let x = ;\n}\n", 2),
    "A.java": ("class A {\n  int f( { return 1; }\n}\n", 2),
    "a.c": ("int main(void) {\n  return (1;\n}\n", 2),
    "a.cpp": ("class A {\n  int f( { }\n};\n", 2),
    "A.cs": ("class A {\n  int F( => 1;\n}\n", 2),
    "a.rb": ("def f(x\n  x +\nend\n", 1),
    "a.php": ("<?php\nfunction f( { return 1; }\n", 2),
    "a.sh": ("if true; then\n  echo x\n", 1),
    "a.kt": ("fun f(x: Int {\n}\n", 1),
    "a.scala": ("object A {\n  def f(x: Int = = 1\n}\n", 2),
    "a.lua": ("local function f(x\n  return x\nend\n", 1),
    "a.json": ('{\n  "a": 1,\n}\n', 3),
    "a.toml": ("[a]\nb = \n", 2),
    "a.yaml": ("a:\n  - b\n c: 1\n", 3),
}


def faults(name: str, text: str):
    language = language_of(name)
    assert language is not None
    return syntax_faults(text, language)


@pytest.mark.parametrize("name", WHOLE)
def test_what_parses_has_no_fault(name: str):
    assert faults(name, WHOLE[name]) == ()


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_found_near_its_line(name: str):
    text, line = BROKEN[name]
    found = faults(name, text)
    assert found
    assert abs(found[0].line - line) <= 2
    assert found[0].message


def test_every_language_has_a_whole_and_a_broken_sample():
    for samples in (WHOLE, BROKEN):
        assert {language_of(name) for name in samples} == set(LANGUAGES)


def test_python_newer_than_this_interpreter_is_no_fault():
    assert faults("a.py", "type Pair[T] = tuple[T, T]\n") == ()


@pytest.mark.parametrize("name", ["tsconfig.json", "README.md", "LICENSE", "a.unknown", "photo.png"])
def test_nothing_is_said_of_files_without_a_strict_grammar(name: str):
    assert language_of(name) is None


def test_hostile_nesting_ends_without_a_crash():
    for name in WHOLE:
        faults(name, "(" * 20_000 + "[" * 20_000)


@given(st.sampled_from(sorted(WHOLE)), st.text(max_size=200))
def test_any_text_gets_an_answer(name: str, text: str):
    for fault in faults(name, text):
        assert 1 <= fault.line <= text.count("\n") + text.count("\r") + 2
