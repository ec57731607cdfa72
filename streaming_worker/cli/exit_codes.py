"""What the command's exit code means; the README and the RUNBOOK list the same numbers."""

from enum import IntEnum


class ExitCode(IntEnum):
    """One number for each kind of end."""

    OK = 0
    FINDING = 1
    CONFIGURATION = 2
    ENVIRONMENT = 3
    INTERRUPTED = 130


EXIT_CODE_HELP = """\b
Exit codes:
  0    done, nothing found
  1    a check or comparison found something
  2    wrong use or configuration
  3    this machine or another process is in the way
  130  interrupted
"""
