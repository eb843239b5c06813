"""Networks that look at pictures: how they are loaded, and what they say of a picture."""
