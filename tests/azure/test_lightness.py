"""The heavy libraries are loaded where they are used, and nothing is opened or read by an import."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import bot.azure.clusters, bot.azure.observer, bot.azure.preflight, bot.azure.prices, bot.azure.credentials, bot.azure.features, bot.azure.quotas
heavy = ("azure.mgmt.compute", "azure.identity", "azure.mgmt.containerservice", "azure.mgmt.resource.resources", "msal")
assert not [name for name in heavy if name in sys.modules]
bot.azure.connection.Connection(subscription_id="s")
assert "azure.identity" not in sys.modules
"""


def test_importing_the_package_and_making_a_connection_loads_none_of_the_heavy_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
