"""IMAGE SUPER-RESOLUTION: protocols applied, networks compared under one budget."""
