"""The bot's token goes to Slack alone."""

from __future__ import annotations

import pytest

from bot.slack.files import from_slack


@pytest.mark.parametrize(
    ("url", "api", "is_slack"),
    [
        ("https://files.slack.com/files-pri/T1-F1/job.yaml", "https://slack.com/api/", True),
        ("https://slack.com/files/job.yaml", "https://www.slack.com/api/", True),
        ("http://127.0.0.1:3000/files/private/T1-F1/job.yaml", "http://127.0.0.1:3000/api/", True),
        ("http://files.slack.com/files-pri/T1-F1/job.yaml", "https://slack.com/api/", False),
        ("https://files.slack.com.example.com/job.yaml", "https://slack.com/api/", False),
        ("https://notslack.com/job.yaml", "https://slack.com/api/", False),
        ("https://slack.com@example.com/job.yaml", "https://slack.com/api/", False),
        ("https://user:word@files.slack.com/job.yaml", "https://slack.com/api/", False),
        ("https://files.slack.com:8443/job.yaml", "https://slack.com/api/", False),
        ("http://127.0.0.1:3001/job.yaml", "http://127.0.0.1:3000/api/", False),
        ("file:///etc/passwd", "https://slack.com/api/", False),
        ("https://[broken/job.yaml", "https://slack.com/api/", False),
        ("", "https://slack.com/api/", False),
    ],
)
def test_a_file_is_fetched_from_slack_and_from_nowhere_else(url: str, api: str, is_slack: bool) -> None:
    assert from_slack(url, api) is is_slack
