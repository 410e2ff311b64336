"""`search.grep`: where a regular expression stands. Secrets are neither searched nor shown."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Annotated

from pydantic import Field

from cherry.domain.errors import CherryError, tools
from cherry.domain.views import SearchView
from cherry.git.command import Git
from cherry.kernel.text import one_line, plural
from cherry.security.jail import Jail
from cherry.tools.context import Intent, ToolContext
from cherry.tools.files import workspace
from cherry.tools.globs import matcher
from cherry.tools.listing import not_a_folder
from cherry.tools.names import PathText, shown
from cherry.tools.searching.matches import SECONDS, Found, Query
from cherry.tools.searching.python import PythonSearch
from cherry.tools.searching.ripgrep import Ripgrep, UnsupportedPatternError, find_ripgrep
from cherry.tools.tool import Output, tool

_MAX_PATTERN = 2_000


class SearchTools:
    def __init__(self, jail: Jail, git: Git, environ: Mapping[str, str], *, seconds: float = SECONDS) -> None:
        """`environ`: where ripgrep is looked for. `seconds`: how long one search may take."""
        self._jail = jail
        self._seconds = seconds
        self._python = PythonSearch(git, jail.root)
        program = find_ripgrep(environ)
        self._ripgrep = Ripgrep(program, jail.root) if program else None

    @tool(
        "search.grep",
        effect="read",
        category="search",
        resources=workspace,
        title=lambda given: f"Search {one_line(str(given.get('pattern', '')), 60)}",
        asks_itself=True,
        timeout_seconds=60,
    )
    async def grep(
        self,
        ctx: ToolContext,
        pattern: Annotated[str, Field(min_length=1, max_length=_MAX_PATTERN)],
        path: PathText = ".",
        glob: Annotated[str, Field(description="only such files: *.py, src/**/*.ts")] = "",
    ) -> Output:
        """Search file contents for a regular expression, line by line; (?i) ignores case. Gives path, line number and line."""
        jailed = self._jail.resolve(path)
        query = Query(pattern, jailed.relative, self._accepts(jailed.relative, glob), glob, self._seconds)
        await ctx.proceed(Intent(f"Search {one_line(pattern, 60)}", "read", reads=(jailed.relative,)))
        if not jailed.absolute.exists():
            raise not_a_folder(jailed.absolute, shown(jailed.relative))
        found = await self._search(query)
        files = len({match.path for match in found.matches})
        count = "1 match" if len(found.matches) == 1 else f"{len(found.matches)} matches"
        summary = f"{count} in {plural(files, 'file')}."
        text = "\n".join([*_blocks(found), f"{summary} {found.remark}".rstrip()])
        return Output(text, SearchView(query=pattern, matches=len(found.matches), files=files), untrusted=True)

    async def _search(self, query: Query) -> Found:
        if "\n" in query.pattern or "\\n" in query.pattern.replace("\\\\", ""):
            raise CherryError(tools.BAD_PATTERN, "The pattern spans lines", why="lines are searched one by one")
        if self._ripgrep is None:
            return await self._python.search(query)
        try:
            return await self._ripgrep.search(query)
        except (UnsupportedPatternError, OSError):  # a pattern for Python, or ripgrep is gone
            return await self._python.search(query)

    def _accepts(self, below: str, glob: str) -> Callable[[str], bool]:
        fits = matcher(glob) if glob else None
        prefix = "" if below == "." else f"{below}/"

        def accepts(path: str) -> bool:
            if fits is not None and not (fits(path) or fits(path.removeprefix(prefix))):
                return False
            return self._may_be_read(path)

        return accepts

    def _may_be_read(self, path: str) -> bool:
        if self._jail.protected.secret_reason(path):
            return False
        if not self._jail.protected.signs_for(path):
            return True
        try:
            self._jail.resolve(path)
        except CherryError:
            return False
        return True


def _blocks(found: Found) -> list[str]:
    blocks = []
    for path, matches in groupby(found.matches, key=lambda match: match.path):
        blocks.append("\n".join([shown(path), *(f"{match.line}: {match.text}" for match in matches), ""]))
    return blocks
