"""``python -m streaming_worker`` is ``arb``."""

from streaming_worker.cli import main

if __name__ == "__main__":
    main()
