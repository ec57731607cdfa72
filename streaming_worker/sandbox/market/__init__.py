"""A seeded synthetic market: latent prices, venue books, one pool, and dislocations that are known in advance."""
