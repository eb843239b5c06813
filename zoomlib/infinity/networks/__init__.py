"""The synthesizers and the discriminator, what makes them quick, and the folders of their weights."""
