"""A manifest is found in what Slack makes of a message: fences, entities, links, non-breaking spaces."""

from __future__ import annotations

import pytest

from handlers.shortcuts import LONGEST_MANIFEST, manifest_of

JOB = "apiVersion: batch/v1\nkind: Job\n"


def test_the_fence_that_holds_a_job_is_taken() -> None:
    text = f"first ```ls -la``` and then\n```yaml\n{JOB}```\nbye"
    assert manifest_of({"text": text}) == {"manifest": JOB.strip("\n")}


def test_entities_links_and_pasted_spaces_are_undone() -> None:
    text = f"```{JOB}image:\u00a0<http://ghcr.io/team/train|ghcr.io/team/train>:1\nargs: [a &lt; b &amp;&amp; c, <https://example.com/x>]```"
    found = manifest_of({"text": text})["manifest"]
    assert "image: ghcr.io/team/train:1" in found
    assert "args: [a < b && c, https://example.com/x]" in found


def test_a_file_is_taken_where_the_text_holds_no_job_and_yaml_comes_before_pictures() -> None:
    files = [{"id": "F1", "name": "curve.png"}, {"id": "F2", "name": "job.yaml", "url_private": "https://files.slack.com/x", "size": 10}]
    assert manifest_of({"text": "look", "files": files})["file"] == {"id": "F2", "name": "job.yaml", "url_private": "https://files.slack.com/x"}


def test_a_message_without_either_has_nothing() -> None:
    assert manifest_of({"text": "the kind: Job is what it says"}) == {}
    assert manifest_of({}) == {}


@pytest.mark.parametrize("language", ["yaml", "YML ", " json", ""])
def test_a_line_that_only_names_the_language_is_no_part_of_the_manifest(language: str) -> None:
    assert manifest_of({"text": f"```{language}\n{JOB}```"}) == {"manifest": JOB.strip("\n")}
    assert manifest_of({"text": f"```{JOB}```"}) == {"manifest": JOB.strip("\n")}


def test_what_is_no_entity_of_slacks_stays_as_it_was_typed() -> None:
    assert "args: [&copy;, &lt;]" in manifest_of({"text": f"```{JOB}args: [&amp;copy;, &amp;lt;]```"})["manifest"]
    assert manifest_of({"text": f"```{JOB}# &#{'1' * 5000};```"})["manifest"].endswith("1;")


MANY = 40_000


@pytest.mark.parametrize(
    "text",
    [
        "```" + " " * MANY,
        "```" + "\t" * MANY + "x",
        "```" * (MANY // 3),
        "`" * MANY,
        "\n" * MANY,
        ("\n" + " " * 39) * (MANY // 40),
        "kind" + " " * MANY,
        "<http:" * (MANY // 6),
        "<http:a|" + "b" * MANY,
        "&" * MANY,
    ],
    ids=["spaces", "tabs", "fences", "ticks", "lines", "indents", "kind", "links", "label", "ampersands"],
)
def test_no_text_holds_up_the_acks_of_others(text: str) -> None:
    """Cubic patterns needed hours for the first two of these."""
    assert "file" not in manifest_of({"text": text})


def test_what_is_longer_than_any_manifest_is_cut_before_it_is_read() -> None:
    assert manifest_of({"text": " " * LONGEST_MANIFEST + f"\n{JOB}"}) == {}
    assert manifest_of({"text": "```" + " \n" * 5_000_000 + JOB}) == {}
