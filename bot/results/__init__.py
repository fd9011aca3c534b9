"""What a run's log says: metric, curve, device, failure. Pure functions of text."""

from bot.results.summary import RunSummary, Summariser, summarise

__all__ = ["RunSummary", "Summariser", "summarise"]
