"""Block Kit is judged by two validators that are not ours: a schema made from Slack's own types, and slack_sdk's models. Neither is idle."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from playground.slack import blocks
from tests.judge.clients import node, tool
from tests.playing import ROOT

SOURCE = Path(__file__).with_name("block-kit") / "blockkit.ts"
Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def test_the_schema_is_the_one_that_slacks_types_make() -> None:
    place = tool("block-kit")
    shutil.copy(SOURCE, place)
    generator = "node_modules/ts-json-schema-generator/bin/ts-json-schema-generator.js"
    options = ["--path", SOURCE.name, "--type", "BlockKit", "--jsDoc", "none", "--minify", "--no-type-check"]
    made = subprocess.run([node(), generator, *options], cwd=place, capture_output=True, text=True, timeout=120, check=True).stdout
    assert json.loads(made) == json.loads((ROOT / "playground" / "slack" / "blockkit.json").read_text())


def by_schema(definition: str, block: Json) -> bool:
    return blocks.against_schema(definition, block, "/blocks/0") == []


def by_sdk(block: Json) -> bool:
    parsed = Block.parse(block)
    try:
        return parsed is not None and bool(parsed.to_dict())
    except SlackObjectFormationError:
        return False


@pytest.mark.parametrize(
    ("definition", "block", "schema_takes", "sdk_takes"),
    [
        ("ActionsBlock", {"type": "actions", "elements": [{"type": "button", "text": {"type": "mrkdwn", "text": "Go"}}]}, False, True),
        ("SectionBlock", {"type": "section", "text": plain("x"), "colour": "red"}, False, True),
        ("HeaderBlock", {"type": "header", "text": plain("x" * 151)}, True, False),
        ("SectionBlock", {"type": "section", "fields": [plain("x")] * 11}, True, False),
    ],
)
def test_each_of_the_two_refuses_what_the_other_takes(definition: str, block: Json, schema_takes: bool, sdk_takes: bool) -> None:
    assert (by_schema(definition, block), by_sdk(block)) == (schema_takes, sdk_takes)
    assert blocks.problems([block], "message", file_usable=lambda _: False)
