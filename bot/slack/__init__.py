"""Slack, outgoing: everything that the bot says.

`blocks` and `cards` are pure functions from state to Block Kit; `outbox` posts what was committed, once; `pacing` keeps all
replicas within Slack's limits; `people` knows who is who. Nothing here receives: that is `handlers/`.
"""
