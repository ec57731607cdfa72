"""Local servers that speak the venues' own protocols; shares no code with protocols."""
