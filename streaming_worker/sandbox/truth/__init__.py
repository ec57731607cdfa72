"""A market with injected episodes of known kind: what is true is written down before anybody looks at it."""
