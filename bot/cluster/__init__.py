"""Kubernetes: access, capacity, device plugin, proof, jobs, logs, watch.

Promises of this package: every call is bounded in time and runs in a worker thread; only errors of :mod:`bot.errors`
leave it; what is read stays plain JSON; decisions (capacity, proof, state of a job) are pure functions beside the call that feeds
them, so that each can be checked without a cluster.
"""
