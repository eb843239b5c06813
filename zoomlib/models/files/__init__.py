"""Where models lie, on this machine and at a hub, and what their files say; no weights are read to know it."""
