"""Runs of Tenfold: their configuration, their store of artefacts, the cached stages that lead from story to video."""
