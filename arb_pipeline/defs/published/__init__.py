"""The file that analysts open."""
