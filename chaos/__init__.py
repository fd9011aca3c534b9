"""Random schedules of commands, clicks, faults, kills and clock steps against the whole system; what must hold is what docs/promises.md promises."""
