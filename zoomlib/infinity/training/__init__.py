"""How generators of planes are trained, on drawn worlds or folders of pictures, and what they have learned."""
