"""`cherry data`: backup, restore, check and pruning of all that Cherry keeps on this machine."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from cherry.cli.common import Place, ago, confirmed, place_of
from cherry.cli.options import Quantity, cwd_option, examples
from cherry.cli.render.style import BAD, OK
from cherry.cli.render.table import table
from cherry.client.data import Bounds, Checked, DataClient, Plan, Restored
from cherry.config import quantities
from cherry.kernel.text import human_bytes, one_line, plural, visible

_FILE: click.ParamType[Path] = click.Path(path_type=Path)
_SHOWN = 20


@click.group("data", epilog=examples("cherry data backup ~/backups/\ncherry data check"))
def data() -> None:
    """Back up, restore, check and prune sessions and everything else Cherry keeps on this machine."""


@data.command(
    "backup",
    short_help="Write everything into one new file.",
    epilog=examples("cherry data backup cherry.tar.gz\ncherry data backup ~/backups/"),
)
@click.argument("file", type=_FILE)
@cwd_option
@click.pass_context
def backup(ctx: click.Context, /, file: Path, cwd: Path) -> int:
    """Write everything into one new compressed file: sessions, contents for undo, settings, trust, remembered approvals.

    Other Cherrys may go on working meanwhile. Keys and .env are never in it. If FILE is a folder, the file in it is named by the time.
    """
    place, client = _opened(ctx, cwd)
    saved = client.backup(file.expanduser())
    facts = f"{plural(saved.sessions, 'session')}, {plural(saved.contents, 'content')}, {human_bytes(saved.bytes)}"
    place.print(f"{place.screen.style('good', OK)} {visible(str(saved.file))} ({facts})")
    _remark(place, saved.notes)
    return 0


@data.command(
    "restore",
    short_help="Put a backup in place.",
    epilog=examples(
        "cherry data restore cherry.tar.gz\ncherry data restore cherry.tar.gz --into /tmp/look\n"
        "CHERRY_HOME=/tmp/look cherry sessions list --all"
    ),
)
@click.argument("file", type=_FILE)
@click.option("--into", type=_FILE, metavar="FOLDER", help="Into this new folder instead; use it as CHERRY_HOME.")
@click.option("--replace", is_flag=True, help="Put sessions and settings that are here aside.")
@cwd_option
@click.pass_context
def restore(ctx: click.Context, /, file: Path, into: Path | None, replace: bool, cwd: Path) -> int:
    """Put a backup in place. All of it is verified first; then all of it takes effect, or nothing.

    Where there are sessions already, nothing is done without --replace; what was there is then kept in a folder aside. A backup holds
    settings and approvals: restore only your own.
    """
    place, client = _opened(ctx, cwd)
    target = into.expanduser().absolute() if into else None
    done = client.restore(file.expanduser(), into=target, replace=replace)
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(done.made_at))
    facts = f"{plural(done.sessions, 'session')}, {plural(done.blobs, 'content')}"
    place.print(f"{place.screen.style('good', OK)} Restored {facts} from {made} (Cherry {visible(done.cherry)}).")
    _remark(place, _of_files(done))
    if target is not None:
        place.print(f"Look at it with: CHERRY_HOME={visible(str(target))} cherry sessions list --all")
    return 0


@data.command(
    "check",
    short_help="Tell what is damaged or missing, and mend it.",
    epilog=examples("cherry data check\ncherry data check --repair"),
)
@click.option("--repair", is_flag=True, help="Mend what can be mended; what was damaged is kept aside.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def check(ctx: click.Context, /, repair: bool, as_json: bool, cwd: Path) -> int:
    """Read every session and every kept content, and tell what is damaged or missing. Exits with 1 when something is.

    --repair draws the index anew from the sessions; from a damaged database it saves every session as far as it can be read into a new
    one, and keeps the damaged file.
    """
    place, client = _opened(ctx, cwd)
    checked = client.check(mend=repair)
    if as_json:
        place.print_json({**checked._asdict(), "findings": [finding._asdict() for finding in checked.findings]})
    else:
        place.print("\n".join(_checked_lines(checked, place, repair=repair)))
    return 1 if checked.findings else 0


@data.command(
    "prune",
    short_help="Delete what is old or not needed any more.",
    epilog=examples(
        "cherry data prune --dry-run\ncherry data prune --older-than 90d\ncherry data prune --max-size 5GB --yes"
    ),
)
@click.option(
    "--older-than", type=Quantity("age", quantities.age), help="Delete sessions not used for so long: 90d, 12w."
)
@click.option(
    "--max-size", type=Quantity("size", quantities.size), help="Delete the oldest sessions until all takes less: 5GB."
)
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@cwd_option
@click.pass_context
def prune(
    ctx: click.Context,
    /,
    older_than: float | None,
    max_size: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    cwd: Path,
) -> int:
    """Delete old sessions, old logs, and kept contents that no session needs any more.

    Without options the settings storage.keep_days and storage.max_bytes count. A session somebody works on stays, and whatever the
    sessions that stay can undo, they still can afterwards.
    """
    place, client = _opened(ctx, cwd)
    bounds = None if older_than is None and max_size is None else Bounds(older_than, max_size)
    plan = client.plan_prune(bounds)
    if not as_json:
        place.print("\n".join(_plan_lines(plan, place)))
    pruned = None
    if not dry_run and _anything(plan) and confirmed(place.screen, "Delete this for good?", yes=yes):
        pruned = client.prune(plan)
    if as_json:
        place.print_json({"plan": _plan_json(plan), "pruned": pruned._asdict() if pruned else None})
    elif pruned:
        facts = f"{plural(pruned.sessions, 'session')}, {plural(pruned.blobs, 'content')}, {plural(pruned.files, 'other file')}"
        place.print(place.screen.style("good", f"Deleted {facts}: {human_bytes(pruned.bytes)} less."))
    return 0


def _opened(ctx: click.Context, cwd: Path) -> tuple[Place, DataClient]:
    place = place_of(ctx, cwd)
    return place, place.wiring.open_data(place.loaded)


def _remark(place: Place, sentences: Sequence[str]) -> None:
    for sentence in sentences:
        place.print(f"  {visible(sentence)}")


def _of_files(done: Restored) -> list[str]:
    said = [f"Put in place: {path}" for path in done.placed]
    said += [f"Left as it is: {path} (--replace takes the one of the backup)" for path in done.left]
    return [*said, f"What was there before is in {done.aside}"] if done.aside else said


def _checked_lines(checked: Checked, place: Place, *, repair: bool) -> list[str]:
    style = place.screen.style
    lines = [f"{style('good', OK)} {visible(sentence)}" for sentence in checked.done]
    lines += [
        f"{style('bad', BAD)} {visible(f'{finding.session} {finding.text}'.strip())}" for finding in checked.findings
    ]
    facts = ", ".join(
        (plural(checked.sessions, "session"), plural(checked.events, "event"), plural(checked.contents, "content"))
    )
    if not checked.findings:
        return [*lines, f"{style('good', OK)} {facts}: all is well."]
    lines.append(f"{facts}; {plural(len(checked.findings), 'finding')}.")
    if not repair:
        lines.append("`cherry data check --repair` mends what can be mended.")
    return lines


def _plan_lines(plan: Plan, place: Place) -> list[str]:
    now = place.wiring.clock.now()
    lines = []
    if plan.sessions:
        rows = [
            (doomed.id, ago(doomed.updated_at, now), human_bytes(doomed.bytes), one_line(doomed.title, 60))
            for doomed in plan.sessions[:_SHOWN]
        ]
        lines.append(table(rows, columns=place.screen.out.columns, style=place.screen.style))
        if len(plan.sessions) > _SHOWN:
            lines.append(f"… and {plural(len(plan.sessions) - _SHOWN, 'more session')}")
    if plan.blobs:
        lines.append(f"{plural(plan.blobs, 'content')} that no session needs, {human_bytes(plan.blob_bytes)}")
    lines += [visible(str(path)) for path in plan.files]
    if plan.kept_for:
        lines.append(f"All kept contents stay as long as {visible(plan.kept_for)} is there: undo in it may need them.")
    if plan.in_use:
        lines.append(f"{plural(plan.in_use, 'session')} in use: not touched.")
    if not _anything(plan):
        return [*lines, f"Nothing to delete: everything together takes {human_bytes(plan.total)}."]
    return [*lines, f"About {human_bytes(plan.bytes)} of {human_bytes(plan.total)}."]


def _anything(plan: Plan) -> bool:
    return bool(plan.sessions or plan.blobs or plan.files)


def _plan_json(plan: Plan) -> dict[str, object]:
    sessions = [doomed._asdict() for doomed in plan.sessions]
    return {**plan._asdict(), "sessions": sessions, "files": [str(path) for path in plan.files], "bytes": plan.bytes}
