"""A manifest is found in what Slack makes of a message: fences, entities, links, non-breaking spaces."""

from __future__ import annotations

from handlers.shortcuts import manifest_of

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
