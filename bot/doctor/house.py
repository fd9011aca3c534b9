"""What lies on the disk: the policy and the job templates."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from bot.approvals.policy import PolicyError, load
from bot.cluster.templates import load_templates
from bot.doctor.finding import Found
from bot.errors import QuartermasterError
from bot.settings import Settings


async def files(settings: Settings) -> AsyncGenerator[Found, None]:
    """Policy and job templates."""
    try:
        policy = load(settings.policy)
        yield Found("Policy", f"{settings.policy}: {len(policy.tiers)} tiers")
    except PolicyError as error:
        seen = "; ".join(line.strip() for line in str(error).splitlines())
        yield Found("Policy", seen, "Mend the file; manifests/policy.example.toml documents every key.")
    try:
        yield Found("Job templates", ", ".join(sorted(load_templates(settings.templates))))
    except QuartermasterError as error:
        yield Found("Job templates", error.sentence, error.next_step or "Mend the file; docs/job-templates.md has the format.")
