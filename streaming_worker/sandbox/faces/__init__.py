"""What each venue says on the wire, as sans-I/O sessions used by the live servers and by history alike."""
