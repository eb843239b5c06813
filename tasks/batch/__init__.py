"""Batches: many videos by one command, of which one that fails stops no other.

`spec` says what is asked for, `plan` accepts it and writes nothing, `making` makes it in this process; an engine makes
the jobs of a plan in its own way and keeps a `record` of their `outcome`s. `summary` tells what came of it.
"""
