"""The JSON shapes of the API; everything that a client sees is named here."""
