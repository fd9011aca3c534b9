"""Approvals: the policy, and decisions made by it. Pure: no I/O but reading the policy file once, no clock (times are passed in).

`policy` reads TOML into `rules.Policy`; `decide` answers who may ask, who may decide, what a request needs and what the
decisions so far amount to, each as a frozen record with a reason and the words for it.
"""
