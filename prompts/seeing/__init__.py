"""What a vision model says of pictures: what a photograph shows, whether a draft shows its prompt."""
