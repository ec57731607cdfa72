"""Who asks: users, passwords, sessions, tokens and keys."""
