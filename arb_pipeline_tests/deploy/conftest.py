"""Debian's programs, where they are installed."""

import shutil
from collections.abc import Callable

import pytest

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "systemd-analyze": "systemd",
}


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Return a function that finds a program or skips, naming the Debian package that has it."""

    def found(name: str) -> str:
        path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        if path is None:
            pytest.skip(f"{name} is not installed (Debian package {PACKAGES[name]})")
        return path

    return found
