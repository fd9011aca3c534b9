"""Whatever is posted with the right signature: an answer, no traceback, no process that ends, and no path that nobody can have meant.

A thousand here; `python -m chaos.inputs 10000` posts ten times as many.
"""

from __future__ import annotations

import pytest

from chaos.inputs import hold


@pytest.mark.timeout(600)
def test_generated_commands_and_payloads_do_no_harm() -> None:
    assert hold(1000, draws=7) == []
