"""Programs that act outside this machine and this project, as data, and the check of one program against it.

By name alone: whether the sandbox would let them is another question. A program that is not here can reach nothing either unless the
network was granted; that is for `cherry.security.outside` to see.
"""

import re
from urllib.parse import urlsplit

from cherry.security.commands import Program

_REACHES = "it reaches other machines"
_SENDS = "it sends something to people or services"
_SERVICE = "it acts on services with your name"
_PUBLISHES = "it publishes"

CLIENTS: dict[str, str] = {
    **dict.fromkeys(
        (
            *(
                "curl",
                "wget",
                "wget2",
                "fetch",
                "http",
                "https",
                "xh",
                "xhs",
                "curlie",
                "aria2c",
                "axel",
                "lwp-request",
            ),
            *("ssh", "scp", "sftp", "ssh-copy-id", "mosh", "rsync", "rclone", "ftp", "lftp", "ncftp", "tftp", "telnet"),
            *("nc", "ncat", "netcat", "socat", "dig", "nslookup", "host", "drill", "delv", "kdig", "whois", "ping"),
            *("ping6", "traceroute", "mtr", "nmap", "lynx", "links", "w3m", "elinks", "xdg-open", "open", "websocat"),
            *(
                "wscat",
                "grpcurl",
                "ngrok",
                "cloudflared",
                "lt",
                "localtunnel",
                "tailscale",
                "wg",
                "wg-quick",
                "openvpn",
            ),
            *("frpc", "chisel", "bore", "autossh", "sshfs", "smbclient", "nsupdate", "snmpget", "yt-dlp", "youtube-dl"),
            *(
                "ipfs",
                "transmission-cli",
                "magic-wormhole",
                "wormhole",
                "croc",
                "psql",
                "mysql",
                "redis-cli",
                "mongosh",
            ),
        ),
        _REACHES,
    ),
    **dict.fromkeys(
        (
            *("mail", "mailx", "sendmail", "mutt", "neomutt", "swaks", "msmtp", "ssmtp", "s-nail", "telegram-send"),
            *("slack", "apprise", "ntfy", "twilio", "gist", "pastebinit", "transfer.sh"),
        ),
        _SENDS,
    ),
    **dict.fromkeys(
        (
            *(
                "gh",
                "glab",
                "hub",
                "tea",
                "aws",
                "gcloud",
                "gsutil",
                "bq",
                "az",
                "s3cmd",
                "doctl",
                "linode-cli",
                "heroku",
            ),
            *("fly", "flyctl", "vercel", "netlify", "wrangler", "firebase", "railway", "supabase", "stripe", "kubectl"),
            *("helm", "oc", "terraform", "tofu", "terragrunt", "pulumi", "ansible", "ansible-playbook", "cdk", "sam"),
            *(
                "serverless",
                "sls",
                "eb",
                "docker",
                "podman",
                "nerdctl",
                "skopeo",
                "oras",
                "crane",
                "vault",
                "op",
                "sentry-cli",
            ),
        ),
        _SERVICE,
    ),
    **dict.fromkeys(
        ("twine", "goreleaser", "semantic-release", "np", "changeset", "vsce", "ovsx", "clasp"), _PUBLISHES
    ),
}

SUBCOMMANDS: dict[str, tuple[frozenset[str], str]] = {
    **dict.fromkeys(
        ("npm", "pnpm", "yarn", "bun", "lerna", "nx"),
        (
            frozenset(
                {
                    *("publish", "unpublish", "deprecate", "login", "adduser", "logout", "token", "owner", "access"),
                    *("team", "org", "hook", "dist-tag", "tag", "star", "profile", "whoami", "trust"),
                }
            ),
            _PUBLISHES,
        ),
    ),
    **dict.fromkeys(
        ("poetry", "uv", "hatch", "pdm", "flit", "rye", "maturin"), (frozenset({"publish", "upload"}), _PUBLISHES)
    ),
    "cargo": (frozenset({"publish", "login", "logout", "owner", "yank"}), _PUBLISHES),
    "gem": (frozenset({"push", "yank", "signin", "owner"}), _PUBLISHES),
    "mvn": (frozenset({"deploy", "deploy:deploy", "release:perform", "site-deploy"}), _PUBLISHES),
    "dotnet": (frozenset({"nuget"}), _PUBLISHES),
    "nuget": (frozenset({"push", "delete", "setapikey"}), _PUBLISHES),
    "mix": (frozenset({"hex.publish", "hex.user", "hex.owner"}), _PUBLISHES),
    "pod": (frozenset({"trunk"}), _PUBLISHES),
    "gradle": (frozenset({"publish", "publishplugins", "uploadarchives"}), _PUBLISHES),
    "./gradlew": (frozenset({"publish", "publishplugins", "uploadarchives"}), _PUBLISHES),
    "openssl": (frozenset({"s_client", "s_server", "ocsp"}), _REACHES),
    "conda": (frozenset({"upload"}), _PUBLISHES),
    "pip": (frozenset({"download", "search"}), _REACHES),
    "jupyter": (frozenset({"server", "lab", "notebook"}), "it listens for others"),
}
"""Program → words among its arguments that make it act outside."""

MODULES: dict[str, str] = {
    **dict.fromkeys(("http.server", "smtpd", "aiosmtpd", "pyftpdlib", "jupyter"), "it listens for others"),
    **dict.fromkeys(("webbrowser", "ftplib", "smtplib", "telnetlib", "poplib", "urllib.request", "httpx"), _REACHES),
}
"""What `python -m` does; other modules are looked up as the program of that name."""
_SCRIPTS = frozenset({"run", "run-script", "test"})
"""What follows them is the name of a script of the project."""

INSTALLERS = frozenset(
    {
        *(
            "pip",
            "pip3",
            "pipx",
            "uvx",
            "npx",
            "bunx",
            "easy_install",
            "conda",
            "mamba",
            "apt",
            "apt-get",
            "brew",
            "dnf",
        ),
        *(
            "yum",
            "apk",
            "pacman",
            "gem",
            "cpan",
            "luarocks",
            "opam",
            "cabal",
            "stack",
            "go",
            "nix",
            "nix-shell",
            "asdf",
        ),
    }
)
INSTALLING: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("npm", "pnpm", "yarn", "bun"),
        frozenset(
            {"install", "i", "add", "ci", "update", "upgrade", "up", "exec", "x", "dlx", "create", "init", "link"}
        ),
    ),
    **dict.fromkeys(
        ("uv", "poetry", "pdm", "hatch", "pipenv", "rye"),
        frozenset({"add", "install", "sync", "update", "lock", "pip", "tool", "run", "self", "upgrade"}),
    ),
    "cargo": frozenset({"add", "install", "update", "fetch"}),
    "composer": frozenset({"require", "install", "update", "global", "create-project"}),
    "bundle": frozenset({"install", "add", "update"}),
    "dotnet": frozenset({"add", "restore", "tool"}),
}
"""Bring in code from elsewhere where the network lets them."""

_GIT_REACHING = frozenset(
    {
        *("push", "fetch", "pull", "clone", "ls-remote", "submodule", "send-email", "imap-send", "daemon", "instaweb"),
        *(
            "svn",
            "p4",
            "lfs",
            "annex",
            "credential",
            "remote-http",
            "remote-https",
            "fetch-pack",
            "send-pack",
            "http-push",
        ),
        *("upload-pack", "receive-pack", "upload-archive", "request-pull", "maintenance", "scalar", "bundle-uri"),
    }
)
_GIT_VALUED = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"})
_GIT_SENDING_KEYS = re.compile(
    r"(alias|url|http|https|remote|protocol|credential|include|includeif|sendemail|push|submodule)\.|core\.(sshcommand|gitproxy|hookspath"
    r"|fsmonitor|askpass|worktree)=?",
    re.IGNORECASE,
)
_GIT_HARMLESS_KEYS = re.compile(r"user\.(name|email)|core\.autocrlf|color\..*|init\.defaultbranch", re.IGNORECASE)
_GIT_READS_CONFIG = frozenset({"--get", "--get-all", "--get-regexp", "-l", "--list", "get", "list"})
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1|0\.0\.0\.0", re.IGNORECASE)
_WEB_CLIENTS = frozenset(
    {"curl", "wget", "http", "xh", "nc", "ncat", "netcat", "websocat", "grpcurl", "psql", "mysql", "redis-cli"}
)
_DEVICE = re.compile(r"/dev/(tcp|udp)/")


def outside_reason(program: Program) -> str:
    """What this program does outside, in words for a person; empty when nothing by its name."""
    if any(_DEVICE.match(redirection.target.text) for redirection in program.redirections):
        return _REACHES
    name, words = _meant(program)
    if name in MODULES:
        return MODULES[name]
    if name == "git":
        return _git(words)
    if name in CLIENTS:
        return CLIENTS[name]
    subcommands, reason = SUBCOMMANDS.get(name, (frozenset[str](), ""))
    if next((word for word in words if not word.startswith("-")), "") in _SCRIPTS:
        return ""
    called = {word.casefold() for word in words} | {word.casefold().rpartition(":")[2] for word in words}
    return reason if subcommands & called else ""


def brings_in_code(program: Program) -> bool:
    """Whether it installs or runs code from elsewhere, where the network lets it."""
    name, words = _meant(program)
    if name in INSTALLERS:
        return name != "go" or bool({"get", "install", "run", "mod"}.intersection(words))
    # `yarn` alone installs.
    return bool(INSTALLING.get(name, frozenset()).intersection(words)) or (name == "yarn" and not words)


def stays_here(program: Program) -> bool:
    """Whether every machine it names is this one: trying out the project's own server."""
    if program.base not in _WEB_CLIENTS:
        return False
    hosts = [_host(word.text) for word in program.arguments if not word.text.startswith("-")]
    named = [host for host in hosts if host]
    if any("://" in word.text and not _is_loopback(_host(word.text)) for word in program.arguments):
        return False
    return any(_is_loopback(host) for host in named) and not any(word.dynamic for word in program.arguments)


def _meant(program: Program) -> tuple[str, list[str]]:
    """Name and arguments; of `python -m name …` those of the module. What lies in the project is not the program of that name."""
    words = [word.text for word in program.arguments]
    name = program.base if program.name.startswith("/") else program.name
    if re.fullmatch(r"python[\d.]*", name) and "-m" in words[:3]:
        at = words.index("-m")
        return (words[at + 1] if at + 1 < len(words) else ""), words[at + 2 :]
    return name, words


def _git(words: list[str]) -> str:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        if words[at] in {"-c", "--config-env"} and at + 1 < len(words) and _GIT_SENDING_KEYS.match(words[at + 1]):
            return "it changes what git does, or where it sends to"
        at += 2 if words[at] in _GIT_VALUED else 1
    if at >= len(words):
        return ""
    subcommand, rest = words[at], words[at + 1 :]
    if subcommand in _GIT_REACHING:
        return _REACHES
    if subcommand == "remote" and rest and rest[0] not in {"-v", "--verbose", "get-url"}:
        return "it changes or asks the repository's remotes"
    if subcommand == "config" and not _harmless_config(rest):
        return "it changes what git does, or where it sends to"
    if subcommand == "archive" and any(word.startswith("--remote") for word in rest):
        return _REACHES
    return ""


def _harmless_config(words: list[str]) -> bool:
    if _GIT_READS_CONFIG.intersection(words):
        return True
    plain = [word for word in words if not word.startswith("-")]
    if plain[:1] in (["set"], ["unset"]):
        plain = plain[1:]
    return len(plain) == 1 or bool(plain and _GIT_HARMLESS_KEYS.fullmatch(plain[0]))


def _host(text: str) -> str:
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return "?"


def _is_loopback(host: str) -> bool:
    return bool(_LOOPBACK.fullmatch(host))
