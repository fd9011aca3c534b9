"""Plans: from a request to what exactly would be done, what it costs, and what speaks against it. Reads only.

`precheck` needs no cloud and answers in the ack; `provision`, `existing` and `work` look at the subscription; `planner` is the
step that ties them to operations. A plan is bound to its digest: approvals are given to exactly that.
"""
