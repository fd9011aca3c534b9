"""Slack's side: what people type, click and open. Listeners parse, authorise, record and ack; they never work.

One module per kind of input, each with a `register(app, intake)`; `server` holds the door (Socket Mode or signed HTTP) and
the health pages. Nothing here calls Azure or Kubernetes, and Slack only where a modal needs its trigger at once.
"""
