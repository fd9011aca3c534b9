"""Wiring: one module for each process, and nothing imported that it does not need. Importing reads no environment and opens nothing."""
