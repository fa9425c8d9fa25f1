"""No container engine runs in CI, so: the files parse, and everything they run or copy is the tested path."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from node.cli.group import COMMANDS
from node.config import dials
from node.demo.run import OBSERVER, RESEARCHERS

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
DOCKERFILE = [
    line
    for line in (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    if line and not line.startswith("#")
]


def test_the_compose_swarm_is_the_demo_swarm():
    assert set(COMPOSE["services"]) == {*RESEARCHERS, OBSERVER}
    for name, service in COMPOSE["services"].items():
        assert service["environment"]["CONSILIENCE_NODE__NAME"] == name
        observer = service["environment"].get("CONSILIENCE_AGENT__ENABLED") == "false"
        assert observer == (name == OBSERVER)


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_every_variable_is_a_dial(name):
    known = {f"CONSILIENCE_{key.replace('.', '__').upper()}" for key in dials()}
    assert set(COMPOSE["services"][name]["environment"]) <= known


def test_compose_builds_our_dockerfile():
    build = COMPOSE["services"]["ada"]["build"]
    assert (ROOT / "docker" / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).exists()


def test_the_dockerfile_copies_what_exists_and_installs_as_everybody_does():
    for line in DOCKERFILE:
        words = line.split()
        if words[0] == "COPY":
            assert all((ROOT / source).exists() for source in words[1:-1])
    assert "RUN make install TORCH_BACKEND=$TORCH_BACKEND" in DOCKERFILE
    assert 'ENTRYPOINT ["consilience"]' in DOCKERFILE
    assert 'CMD ["up"]' in DOCKERFILE
    assert "up" in COMMANDS


def test_the_packages_of_the_image_are_all_packages():
    copied = {line.split()[-1] for line in DOCKERFILE if line.startswith("COPY ")}
    assert {"experiments", "gossip", "leaderboard", "node"} <= copied
