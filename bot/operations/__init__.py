"""Operations: everything that changes the world, as a list of short idempotent steps journalled in Redis.

`record` is what an operation is; `journal` is where it stands (five Lua scripts, no other writes); `engine` runs it one step
at a time; `waking` says when; `steps` is the vocabulary of a step; and there is one module per kind of operation.
A step looks at the world, does at most one write, and answers *done*, *wait* or *end*. No step sleeps.
"""
