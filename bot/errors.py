"""The one small hierarchy of errors, and the one table that turns them into words.

Code raises one of three verbs with the key of a row and what fills its blanks:

- :class:`Refused` - not allowed, because …: nothing was started, the user can mend the request;
- :class:`Temporary` - try again by yourself: the engine waits and repeats the step;
- :class:`Failed` - it broke for good: the operation ends and says so.

The cause (the library's own exception) is chained with ``raise … from error`` and goes to the log whole;
only the words of the table reach Slack, so nothing secret can leak through an error text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Words:
    """What a person reads: a sentence that says what is so, and the next step (may be empty). Both are format strings."""

    sentence: str
    next_step: str = ""


class QuartermasterError(Exception):
    """Base of all errors that the bot raises on purpose; `code` is a key of :data:`WORDS`."""

    def __init__(self, code: str, **detail: object) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    @property
    def sentence(self) -> str:
        """What is so, in plain words."""
        return words(self.code).sentence.format_map(_Blanks(self.detail))

    @property
    def next_step(self) -> str:
        """What to do about it, or an empty string."""
        return words(self.code).next_step.format_map(_Blanks(self.detail))

    def __str__(self) -> str:
        return " ".join(part for part in (self.sentence, self.next_step) if part)


class Refused(QuartermasterError):
    """The request is not allowed or makes no sense; nothing was started."""


class Temporary(QuartermasterError):
    """The world was unavailable; `retry_after` is in seconds (None: the engine's own back-off)."""

    def __init__(self, code: str, *, retry_after: float | None = None, **detail: object) -> None:
        super().__init__(code, **detail)
        self.retry_after = retry_after


class Failed(QuartermasterError):
    """It cannot succeed by being repeated; the operation ends."""


class _Blanks(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def words(code: str) -> Words:
    """The row of the table for `code`; an unknown code gets the row `unexpected`."""
    return WORDS.get(code, WORDS["unexpected"])


WORDS: Final[dict[str, Words]] = {
    "unexpected": Words("Something unexpected went wrong.", "The log has the cause under reference `{reference}`."),
    "name.invalid": Words("`{value}` is not a valid {kind} name.", "A {kind} name is {rule}."),
    # --- commands -------------------------------------------------------------------------------
    # --- approvals ------------------------------------------------------------------------------
    # --- plans ----------------------------------------------------------------------------------
    # --- operations -----------------------------------------------------------------------------
    # --- azure ----------------------------------------------------------------------------------
    # --- cluster --------------------------------------------------------------------------------
    "cluster.unreachable": Words("The API server of `{cluster}` does not answer ({kind}).", "I keep trying."),
    "cluster.unavailable": Words("The API server of `{cluster}` is busy or broken (HTTP {status}).", "I keep trying."),
    "cluster.expired": Words("The API server of `{cluster}` has forgotten where I was reading.", "I read again from the start."),
    "cluster.conflict": Words("Somebody else changed the same fields in `{cluster}`: {reason}", "I look again before I write."),
    "cluster.kubeconfig": Words("The kubeconfig of `{cluster}` cannot be used: {problem}.", "Fetch it again from AKS, or inline its files with `kubectl config view --flatten`."),
    "cluster.credentials": Words(
        "The kubeconfig of `{cluster}` has no credentials that a service can use.",
        "Its local accounts are off: give the bot's identity a role on the cluster, so that it can sign in with Microsoft Entra.",
    ),
    "cluster.unauthorized": Words("`{cluster}` no longer accepts my credentials.", "Its certificates may have been rotated; fetching the credentials again mends that."),
    "cluster.forbidden": Words(
        "I may not {verb} {resource} in `{cluster}`.", "Give the bot's identity the role *{role}* on the cluster, then try again."
    ),
    "cluster.quota_exceeded": Words("A resource quota of the namespace stands in the way: {reason}", "Free some of it or ask who owns the namespace."),
    "cluster.admission_denied": Words("A policy of `{cluster}` refuses this: {reason}"),
    "cluster.not_found": Words("There is no such object in `{cluster}`: {reason}"),
    "cluster.name_taken": Words("The name is taken in `{cluster}` by something that I did not make: {reason}", "Choose another with `--name`."),
    "cluster.invalid": Words("`{cluster}` refuses this object: {reason}"),
    "cluster.bad_request": Words("`{cluster}` does not understand the request (HTTP {status}): {reason}"),
    "cluster.amount": Words("`{value}` is not an amount of {kind}.", "Amounts look like `4`, `500m` or `16Gi`."),
    "cluster.manifest": Words("This manifest cannot be run: {problem}.", "I take one Kubernetes Job (`apiVersion: batch/v1`, `kind: Job`) as YAML or JSON."),
    "cluster.unsafe": Words("This manifest asks for more than jobs may have: {problems}."),
    "cluster.template_unknown": Words("There is no template called `{name}`.", "There are: {known}."),
    "cluster.template_broken": Words("The template file `{file}` is broken: {problem}."),
    "cluster.parameter": Words("`{value}` does not fit `--{name}`: it must be {rule}."),
    "cluster.plugin_managed": Words("AKS manages the GPU stack of every GPU node in `{cluster}`.", "A second device plugin would get in its way; nothing was installed."),
    "cluster.plugin_foreign": Words("`{cluster}` already has {found}.", "Two device plugins on one node fight over the GPUs; nothing was installed."),
    # --- slack ----------------------------------------------------------------------------------
}
