"""Azure Resource Manager: groups, clusters, node pools, features, sizes, quotas, prices, and their failures in plain words.

One request per call, nothing sleeps, nothing is retried here: a caller gets a state, a :class:`~bot.azure.operations.Begun`, or one of the
three verbs of :mod:`bot.errors`. Every name is checked by :mod:`bot.names` again before it becomes part of a URL. This package imports nothing
of the bot but errors, names and clock, and its `__init__` imports nothing at all: the compute and identity libraries are heavy.
"""
