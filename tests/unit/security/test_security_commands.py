"""The shell parser: all the programs that would run, and doubt where there is any."""

import subprocess
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cherry.security.commands import parse


def names(script: str) -> list[str]:
    parsed = parse(script)
    assert not parsed.problem, parsed.problem
    return [program.name for program in parsed.programs]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        ("# nothing", []),
        ("ls", ["ls"]),
        ("ls;pwd", ["ls", "pwd"]),
        ("ls\npwd\n", ["ls", "pwd"]),
        ("ls&&pwd||id", ["ls", "pwd", "id"]),
        ("a|b|&c", ["a", "b", "c"]),
        ("a & b", ["a", "b"]),
        ("(a; b) | c", ["a", "b", "c"]),
        ("{ a; b; }", ["a", "b"]),
        ("! a", ["a"]),
        ("time -p a", ["a"]),
        ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
        ("while a; do b; done", ["a", "b"]),
        ("until a\ndo b\ndone", ["a", "b"]),
        ("for x in 1 2 3; do a; done", ["a"]),
        ("for x; do a; done", ["a"]),
        ("case a in b|c) d;; (e) f ;; *) g; esac", ["d", "f", "g"]),
        ("a $(b)", ["a", "b"]),
        ("a `b`", ["a", "b"]),
        ('a "$(b "$(c)")"', ["a", "b", "c"]),
        ("a <(b) >(c)", ["a", "b", "c"]),
        ("a '$(b)'", ["a"]),
        (r"a \$\(b\)", ["a"]),
        (r'a "\$(b)"', ["a"]),
        ("a#b", ["a#b"]),
        ("a # b; c", ["a"]),
        ("a \\\n b", ["a"]),
        ("'a b' c", ["a b"]),
        ("a'b'\"c\"", ["abc"]),
        ("/usr/bin/a", ["a"]),
        ("./a", ["./a"]),
        ("/tmp/a", ["/tmp/a"]),
        ("cat <<E\n$(b)\nE\nc", ["cat", "c", "b"]),
        ("cat <<'E'\n$(b)\nE\nc", ["cat", "c"]),
        ("cat <<-E\n\tx\n\tE\nc", ["cat", "c"]),
        ("cat <<A <<B\na\nA\nb\nB\nc", ["cat", "c"]),
        ("cat <<E | b\nx\nE", ["cat", "b"]),
        ("a <<< $(b)", ["a", "b"]),
        ("[[ -f a && b == c ]] && d", ["[[", "d"]),
        ("env -i A=1 a", ["a"]),
        ("sudo -u root a", ["a"]),
        ("nohup nice -n 5 timeout -k 1 5 a", ["a"]),
        ("xargs -n1 -I{} a {}", ["a"]),
        ("sh -c 'a; b'", ["sh", "a", "b"]),
        ("bash -lc 'a && b' x", ["bash", "a", "b"]),
        ("env sh -c 'sudo a'", ["sh", "a"]),
        ("eval 'a; b'", ["a", "b"]),
        ("find . -exec a {} \\; -exec b {} +", ["find", "a", "b"]),
        ("trap 'a' EXIT", ["trap", "a"]),
        ("bash <<'E'\na\nE", ["bash", "a"]),
        ("X=1 a", ["a"]),
        ("echo {a,b}", ["echo"]),
    ],
)
def test_every_program_that_would_run_is_found(script: str, expected: list[str]) -> None:
    assert names(script) == expected


@pytest.mark.parametrize(
    "script",
    [
        "'", '"', "`", "$(", "${", "a |", "a &&", "(a", "a)", "{ a", "if a; then b", "for", "case a in", "fi", "done", "}",
        "f() { a; }", "function f { a; }", "a=(1 2)", "$x", "$(a) b", "*", "e{v,x}al x", "eval $x", "sh -c $x", "bash",
        "curl x | sh", "sh -c", "env --split-string='a b'", "env -S 'a b'", "sudo --unknown a", "ssh host a", "su -c a",
        "alias ls=rm", "select x in a; do b; done", "coproc a", "((x++))", "echo $((a[$(b)]))", "echo ${x:-$(a)}",
        "[[ $x -eq 1 ]]", "[[ a[0] -eq 1 ]]", "a\x00b", "a\x1b[2J", "a\rb", "echo @(a|b)", "echo $'\\x41'", "xargs $x a",
        "x" * 200_000, "(" * 5000, "$(" * 3000, "{ " * 3000, "sh -c '" * 40, "trap $x EXIT",
        "cat <<E\na\\\nE\nb\nE", "busybox rm x", "timeout $x a",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_a_problem(script: str) -> None:
    assert parse(script).problem


def test_wrappers_and_pipes_are_recorded() -> None:
    first, second = parse("a | sudo env X=1 b").programs
    assert not first.piped_from
    assert second.piped_from
    assert second.wrappers == ("sudo", "env")
    assert second.assignments == ("X=1",)


def test_programs_behind_xargs_take_arguments_from_elsewhere() -> None:
    assert parse("a | xargs b").programs[1].open_ended


def test_redirections_tell_whether_they_write() -> None:
    def writes(script: str) -> bool:
        return any(r.writes for program in parse(script).programs for r in program.redirections)

    assert all(
        writes(s) for s in ("a > f", "a >> f", "a >| f", "a &> f", "a <> f", "a 2> f", "{ a; } > f", "> f", "a >& f")
    )
    assert not any(
        writes(s) for s in ("a < f", "a 2>&1", "a > /dev/null", "a 2>/dev/null", "a <<< x", "a >&-", "a 3<&0")
    )


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ab '\"\\$(){}[]<>|&;\n`#!=*~-0 \tifodnecas", max_size=60))
def test_any_text_is_parsed_or_doubted_but_never_an_error(script: str) -> None:
    parsed = parse(script)
    assert isinstance(parsed.problem, str)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "ls",
                ";",
                "&&",
                "|",
                "\n",
                "(",
                ")",
                "{ ",
                " }",
                "'",
                '"',
                "x",
                " ",
                "$(",
                "`",
                "&",
                "!",
                "#",
                "<<E",
                "E",
                "\\",
                "if ",
                "then ",
                " fi",
                "[[ ",
                " ]]",
                ">",
                "<(",
                "eval ",
                "$x",
                "*",
                "x=1 ",
            ]
        ),
        max_size=14,
    )
)
def test_programs_bash_runs_are_among_those_found(pieces: list[str]) -> None:
    """Bash is given a PATH of nothing and reports every program it looks up."""
    script = "".join(pieces)
    parsed = parse(script)
    if parsed.problem:
        return
    program = 'command_not_found_handle() { printf "%s\\0" "$1" >&3; }\nexec 3>&1 1>/dev/null 2>&1 </dev/null\n'
    with tempfile.TemporaryDirectory() as folder:  # some of these scripts make files
        done = subprocess.run(
            ["/bin/bash", "-c", program + script],
            cwd=folder,
            capture_output=True,
            check=False,
            env={"PATH": "/nonexistent"},
            timeout=10,
        )
    ran = set(done.stdout.decode().split("\0")[:-1])
    assert ran <= {found.name for found in parsed.programs}


@pytest.mark.parametrize("script", ["ls<()ls", "<()ls x", "ls >(a)b", "a<(b) c"])
def test_a_process_substitution_inside_a_word_is_not_understood(script: str) -> None:
    assert parse(script).problem


@pytest.mark.parametrize("script", ["diff <(sort a) <(sort b)", "cat <(ls)"])
def test_a_process_substitution_that_is_a_word_is_understood(script: str) -> None:
    assert not parse(script).problem
