"""Given pictures on planes: found, gone on around, joined."""
