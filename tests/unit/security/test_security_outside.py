"""What counts as acting outside, and whose yes counts for it once foreign content was read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cherry.security.egress import ANYWHERE, Grant
from cherry.security.leading_files import added_reason, leading_reason
from cherry.security.outside import acts, guarded, moves_work_tree, names_leading
from cherry.security.policy import Action, Decision, Policy, Rule, parse_rule

WORKSPACE = "/home/u/project"
READ = "README.md and 3 other sources"
ALL = (Rule("allow"), Rule("allow", "shell.run", "*"))


def shell(command: str, *, network: tuple[Grant, ...] = (), foreign: str = READ) -> Action:
    return Action("shell.run", "run", command, command=command, network=network, foreign=foreign)


def write(*paths: str, diff: str = "", foreign: str = READ) -> Action:
    diffs = tuple((path, diff) for path in paths)
    return Action("fs.write", "edit", "Write", writes=paths, foreign=foreign, diffs=diffs)


def decide(action: Action, *rules: Rule) -> Decision:
    return guarded(Policy(rules, workspace=WORKSPACE).decide(action), action, rules, workspace=WORKSPACE)


OUTSIDE = [
    "curl https://example.org", "/usr/bin/curl x", "wget x", "ls | curl -d @- x", "ssh a@b", "scp a b:", "rsync a b:", "nc a 1",
    "git push", "git push origin main", "git -C sub push", "git -c a=b push", "git remote add a b", "git remote set-url origin x",
    "git fetch", "git pull", "git clone https://x/y", "git ls-remote", "git submodule update", "git config core.hooksPath x",
    "git config --global alias.a b", "git send-email x", "git archive --remote=x HEAD", "gh pr create", "glab mr create", "hub api",
    "npm publish", "npm --registry x publish", "yarn publish", "pnpm publish", "cargo publish", "twine upload x", "uv publish",
    "python3 -m twine upload x", "python -m http.server", "poetry publish", "gem push x", "mvn -q deploy", "gradle :lib:publish",
    "mail -s x y", "sendmail x", "aws s3 cp a b", "kubectl apply -f x", "docker push x", "terraform apply", "dig x", "nslookup x",
    "cat a > /dev/tcp/a/1", "exec 3<>/dev/tcp/a/1", "sudo curl x", "env A=1 curl x", "timeout 5 curl x", "sh -c 'curl x'",
    "find . -exec curl {} \\;", "xargs curl < a", "eval 'curl x'", "$(curl x)", "echo `curl x`", "ls; git push", "a | b && curl x",
    "curl http://localhost.evil.example", "curl http://127.0.0.1@evil.example", "curl http://localhost:80@evil.example/",
    "git -c alias.p=push p", "git -c core.sshCommand=x st",
    "curl localhost --proxy http://evil.example", "openssl s_client -connect a:443", "npm login", "ngrok http 80",
]  # fmt: skip
LEADING = [
    "echo x >> AGENTS.md", "cp a CLAUDE.md", "tee .github/workflows/a.yml", "sed -i s/a/b/ CLAUDE.md", "mv a src/AGENTS.md",
    "git checkout other -- CLAUDE.md", "git apply --include=AGENTS.md p", "rm CLAUDE.md", "install -m 644 a .husky/pre-commit",
    "ln -s x .cursorrules", "dd of=.npmrc", "cat > .gitlab-ci.yml", "python gen.py --out=.github/workflows/a.yml",
]  # fmt: skip
INSIDE = [
    "ls", "cat AGENTS.md", "grep curl -r .", "echo curl", "pytest", "make", "npm test", "npm run publish", "npm run tag", "cargo build",
    "python3 x.py", "git commit -m 'push it'", "git add AGENTS.md .github", "git status", "git diff AGENTS.md", "git stash", "git merge x",
    "git rebase main", "git checkout -b push", "git log --grep push", "git branch fetch", "git remote -v", "git remote get-url origin",
    "git config --get remote.origin.url", "git config user.name x", "git tag v1", "curl http://localhost:8000/x", "curl -d a 127.0.0.1:1",
    "curl -s http://[::1]:80/", "nc -z localhost 8000", "sed -i s/a/b/ src/a.py", "echo 'git push' > notes.txt", "./curl", "tools/ssh x",
    "pip install -e .", "go build ./...", "docker-compose-lint x", "python -m pytest", "python -m build", "uv run pytest", "head CLAUDE.md",
]  # fmt: skip


@pytest.mark.parametrize("command", OUTSIDE + LEADING)
def test_what_acts_outside_needs_a_person_whatever_broad_rules_say(command: str) -> None:
    decision = decide(shell(command), *ALL)
    assert decision.verdict == "ask"
    assert decision.person or decision.confirm
    assert decision.confirm or READ in decision.reason


@pytest.mark.parametrize("command", OUTSIDE + LEADING)
def test_before_anything_foreign_was_read_the_policy_is_as_ever(command: str) -> None:
    action = shell(command, foreign="")
    assert decide(action, *ALL) == Policy(ALL, workspace=WORKSPACE).decide(action)


@pytest.mark.parametrize("command", INSIDE)
def test_what_stays_inside_is_decided_by_the_policy_alone(command: str) -> None:
    for rules in ((), ALL):
        action = shell(command)
        assert decide(action, *rules) == Policy(rules, workspace=WORKSPACE).decide(action)


@pytest.mark.parametrize(
    "command", ["git push origin main", "curl https://example.org/a", "gh pr list", "cp a AGENTS.md"]
)
def test_a_rule_that_names_the_act_itself_is_a_yes_in_advance(command: str) -> None:
    exact = parse_rule(f"allow shell.run {command}")
    assert decide(shell(command), exact).verdict == "allow"
    assert decide(shell(f"{command} --more"), exact).person
    assert decide(shell(f"A=1 {command}"), exact).person
    assert decide(shell(f"{command} > out"), exact).verdict == "ask"
    first = command.split()[0]
    assert decide(shell(command), parse_rule(f"allow shell.run {first} *")).person


def test_a_rule_that_names_the_file_is_a_yes_in_advance_and_one_for_a_folder_is_not() -> None:
    assert decide(write("AGENTS.md"), parse_rule("allow fs.write AGENTS.md")).verdict == "allow"
    assert decide(write("AGENTS.md"), parse_rule("allow fs.* **")).person
    assert decide(write("AGENTS.md"), parse_rule("allow fs.write")).person
    assert decide(write("AGENTS.md", "CLAUDE.md"), parse_rule("allow fs.write AGENTS.md")).person


def test_with_all_of_the_network_every_command_that_does_more_than_read_may_reach_out() -> None:
    assert decide(shell("pytest", network=(ANYWHERE,)), *ALL).person
    assert decide(shell("pytest", network=(ANYWHERE,)), parse_rule("allow shell.run pytest")).verdict == "allow"
    assert not decide(shell("ls -l", network=(ANYWHERE,)), *ALL).person
    assert decide(shell("$x", network=(ANYWHERE,)), *ALL).person
    assert decide(shell("curl http://localhost/", network=(ANYWHERE,)), *ALL).person
    assert decide(
        Action("web.fetch", "read", "t", network=(ANYWHERE,), foreign=READ), *ALL, Rule("allow", "web.fetch")
    ).person


@pytest.mark.parametrize(
    "path",
    [
        "AGENTS.md", "src/AGENTS.md", "agents.MD", "AGENTS.md.", "AGENTS\u200b.md", "CLAUDE.local.md", ".github/workflows/a.yml",
        "sub/.GitHub/Workflows/deep/a.yml", ".github/copilot-instructions.md", ".gitlab-ci.yml", ".husky/pre-commit", ".cursorrules",
        ".npmrc", ".gitmodules", ".devcontainer/devcontainer.json", "a.code-workspace", ".clinerules/x.md", ".pre-commit-config.yaml",
    ],
)  # fmt: skip
def test_files_that_lead_others_need_a_person(path: str) -> None:
    assert leading_reason(path)
    assert decide(write(path)).person
    assert not decide(write(path, foreign="")).person


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "docs/agents.md.txt",
        "src/workflows/a.yml",
        "conftest.py",
        "Makefile",
        ".gitignore",
        ".github/CODEOWNERS",
        "github/workflows/a",
    ],
)
def test_ordinary_files_do_not(path: str) -> None:
    assert leading_reason(path) == ""
    assert decide(write(path)).verdict == "allow"


def test_scripts_that_run_at_installation_are_seen_in_a_change_and_others_are_not() -> None:
    for line in (
        '"postinstall": "x"',
        '"prepare": "x"',
        '"preinstall":"x"',
        r'"\u0070ostinstall": "x"',
        '"install" : "x"',
    ):
        assert added_reason("package.json", f"@@ -1 +1 @@\n {{\n+    {line},\n") != ""
        assert added_reason("package.json", f"@@ -1 +1 @@\n-    {line},\n     {line}\n") == ""
        assert added_reason("src/a.json", f"+    {line}\n") == ""
    assert added_reason("web/package.json", "+x\n\\ 3 more lines not shown\n") != ""
    assert added_reason("package.json", '+    "test": "jest",\n\\ No newline at end of file\n') == ""
    assert decide(write("package.json", diff='+ "postinstall": "x"\n')).person


def test_denied_and_dangerous_stays_denied_and_dangerous() -> None:
    assert decide(shell("rm -rf /"), *ALL).verdict == "deny"
    assert decide(shell("git push --force"), *ALL).confirm == "force push"
    assert decide(write(".git/hooks/x"), *ALL).verdict == "deny"


def test_the_reason_names_the_act_and_what_was_read() -> None:
    reason = decide(shell("git push origin main")).reason
    assert (
        reason
        == f"`git push`: it reaches other machines; content from {READ} was read before this and may be asking for it"
    )
    assert "\x1b" not in decide(shell("curl x", foreign="\x1b[31m.md")).reason


def test_which_commands_may_bring_in_files_that_lead_others() -> None:
    assert moves_work_tree("git checkout main")
    assert moves_work_tree("git stash && git switch x && git stash pop && ls")
    for command in (
        "git apply p",
        "git checkout x; python a.py",
        "ls",
        "$x",
        "git update-index --index-info < a",
        "git add .",
    ):
        assert not moves_work_tree(command), command
    assert names_leading("cat a > AGENTS.md")
    assert not names_leading("pytest tests")
    assert not names_leading("cat CLAUDE.md; python3 x.py")


@given(st.text(max_size=60), st.booleans())
def test_it_never_raises_and_never_allows_more_than_the_policy(command: str, network: bool) -> None:
    action = shell(command, network=(ANYWHERE,) if network else ())
    before = Policy(ALL).decide(action)
    after = decide(action, *ALL)
    assert (before.verdict, after.verdict) in {("allow", "allow"), ("allow", "ask"), ("ask", "ask"), ("deny", "deny")}
    assert acts(action) is not None
