"""An empty folder, and a path that no classifier's folder may make."""

import socket

import pytest


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A path that nothing may make; and whatever opens a connection fails."""

    def refused(*_args, **_kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path
