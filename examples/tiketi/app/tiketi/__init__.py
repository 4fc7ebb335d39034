"""A small ticket shop: one code base, run as a monolith or as one of five services."""
