"""Names on Prefect's server that commands, deployments and workers agree on."""

PARENTS = "tenfold"
"""Work pool of batches, sweeps and evaluations, which submit videos and wait."""

VIDEOS = "tenfold-gpu"
"""Work pool of videos: one flow run each. A parent never takes a video's place."""

SLOTS = "tenfold-gpu"
"""Global limit: one slot for each GPU, for flow runs that are given `slot`."""
