"""Budgets and an audit log in a real Redis."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.approvals.audit import Audit
from bot.approvals.budgets import Budgets
from bot.clock import Clock
from tests.approvals.books import policy


@pytest.fixture
def budgets(redis: Redis) -> Budgets:
    return Budgets(redis, policy(), Clock())


@pytest.fixture
def audit(redis: Redis) -> Audit:
    return Audit(redis, Clock())
