"""What belongs to places of a plane: latents by Philox, coordinates, and what is put over them."""
