"""Published knowledge as data: equations, height models, densities, species, the default ladder."""
