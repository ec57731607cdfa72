"""How far each hour can be trusted."""
