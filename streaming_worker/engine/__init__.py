"""The deterministic fold over events; the same code live and in replay."""
