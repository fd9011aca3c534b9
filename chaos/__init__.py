"""Random schedules of commands, clicks, faults, kills and clock steps against the whole system; what must hold is what docs/promises.md promises.

A *story* is one schedule: what people do about one cluster, pool or job, and what goes wrong around it. A *round* is a dozen stories at
the same time on one system, and what befalls that system meanwhile. Every round begins on a fresh playground.
"""
