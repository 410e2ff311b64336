"""Documentation that is made from the code says what the code says."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from cherry.cli.json_lines import VERSION, live_fields
from cherry.cli.reference import BLOCKS, refreshed
from cherry.config.files import parse_toml, parse_yaml
from cherry.config.loader import merge
from cherry.config.schema import check_section, unknown_keys
from cherry.config.sources import LayerKind
from cherry.domain.errors import CATALOGUE
from cherry.domain.events import EVENT, Event, Recorded
from cherry.domain.live import CallStreamed, OutputStreamed, ReasoningStreamed, StreamReset, TextStreamed, Working

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ["errors.md", "guides/cli.md", "guides/configuration.md"]


@pytest.mark.parametrize("name", PAGES)
def test_generated_parts_are_up_to_date(name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    assert refreshed(page) == page, f"run: python -m cherry.cli.reference docs/{name}"


def test_every_block_stands_on_a_page() -> None:
    pages = "".join((DOCS / name).read_text(encoding="utf-8") for name in PAGES)
    assert set(re.findall(r"<!-- generated: ([a-z-]+) -->", pages)) == set(BLOCKS)


def test_every_error_is_documented() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    assert all(f"### `{kind.code}`" in page for kind in CATALOGUE)


def test_the_examples_of_the_configuration_guide_are_valid_settings() -> None:
    page = (DOCS / "guides/configuration.md").read_text(encoding="utf-8")
    toml = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    yaml = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    layers = [parse_toml(text, Path("x.toml"), LayerKind.USER_FILE) for text in toml]
    layers += [parse_yaml(text, Path("x.yaml"), LayerKind.USER_FILE) for text in yaml]
    assert toml
    assert yaml
    for layer in layers:
        assert list(unknown_keys(layer)) == []
        for name, raw in merge([layer]).values.items():
            check_section(name, raw, layer)


def test_the_json_guide_names_every_event_and_every_live_kind_with_its_fields() -> None:
    page = (DOCS / "guides/json-output.md").read_text(encoding="utf-8")
    for kind in get_args(get_args(Event)[0]):
        assert f"`{kind.model_fields['kind'].default}`" in page
    samples = [
        TextStreamed(1, ""),
        ReasoningStreamed(1, ""),
        CallStreamed(1, "", 0),
        StreamReset(1, 2, 0, ""),
        OutputStreamed("", ""),
        Working(""),
    ]
    for sample in samples:
        fields = live_fields(sample)
        names = ", ".join(f"`{name}`" for name in fields if name != "kind")
        assert f"| `{fields['kind']}` | {names} |" in page


def test_the_sample_line_of_the_json_guide_is_an_event() -> None:
    page = (DOCS / "guides/json-output.md").read_text(encoding="utf-8")
    line = json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0])
    assert line["v"] == VERSION
    assert EVENT.dump_python(Recorded.model_validate(line).event, mode="json") == line["event"]
