"""Windows of a plane: painters of tiles, the grid of tiles, planes and the processes that paint them."""
