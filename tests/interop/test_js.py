"""A client in another language, written from the specifications alone, is a member of a real swarm.

`tests/interop/js` (js-libp2p on Node 18 or later) checks all vectors; joins two daemons over TCP, noise and
yamux; receives what is pushed, pulls by sync until both have the same, fetches a blob; and publishes notes
that our nodes accept, by push and by sync. Its packages are installed once into an ignored folder.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gossip.proto.blobs import read_blob_answer, read_blob_question
from gossip.proto.exchange import read_ask, read_tell
from gossip.proto.messages import read_answer, read_question
from leaderboard.blob import CHUNK_BYTES
from leaderboard.envelope import ChainTip, open_envelope, seal, swarm_id
from leaderboard.errors import PeerError
from leaderboard.ids import SwarmId, to_text
from leaderboard.records import Note
from leaderboard.signing import Signer
from node.blobs import BlobStore
from node.home import Home
from node.store import Store

from .mutants import frame_mutants, mutants

sys.path.insert(0, str(Path(__file__).parents[1] / "node"))
from processes import Daemon, wait_until  # of the neighbouring folder, which is no package

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent / "js"
VECTORS = Path(__file__).parents[1] / "vectors"
PATIENCE_S = 240.0
BULK = 10_000
"""Records; beyond some 9,000 differences symbols are not worth it, and a fresh node fetches everything."""


@pytest.fixture(scope="session")
def node() -> str:
    """The Node that can run the client, with its packages in place."""
    found = os.environ.get("CONSILIENCE_NODE") or shutil.which("node")
    npm = shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("needs node 18 or later and npm")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < 18:
        pytest.skip(f"needs node 18 or later, this is {version.strip()}")
    lock = HERE / "package-lock.json"
    installed = HERE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"], cwd=HERE, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"npm ci failed, is the registry reachable? {done.stderr[-300:]}")
        os.utime(installed)
    return found


class Client:
    """The client in its own process, commanded line by line."""

    def __init__(self, node: str, name: str, bootstrap: list[str], psk: str | None = None) -> None:
        options = {"name": name, "bootstrap": bootstrap, "seed": "07" * 32, "psk": psk}
        self.process = subprocess.Popen(
            [node, "--no-warnings", str(HERE / "main.js"), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.me = self._answer()

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        assert "error" not in answer, answer
        return answer

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            _, complaint = self.process.communicate()
            raise AssertionError(f"the client says nothing: {complaint[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def leave(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def join(node: str) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def start(name: str, bootstrap: list[str], psk: str | None = None) -> Client:
        clients.append(Client(node, name, bootstrap, psk))
        return clients[-1]

    yield start
    for client in clients:
        client.leave()


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    started: list[Daemon] = []

    def start(name: str, bootstrap: str = "", **settings: object) -> Daemon:
        daemon = Daemon.settle(tmp_path, name, bootstrap, **settings)
        started.append(daemon)
        return daemon

    yield start
    for daemon in started:
        daemon.stop()


def fill(home: Home, count: int) -> set[str]:
    """Records in a store whose daemon is not running: what it has known for long."""
    swarm, signer = swarm_id("test"), Signer(b"\x21" * 32)
    tip, envelopes = ChainTip(b"\x22" * 16, -1, None), []
    for number in range(count):
        envelope = seal(Note(None, f"old note {number}"), signer, swarm, tip, 1_700_000_000_000 + number)
        envelopes.append(envelope)
        tip = envelope.tip
    with Store(home.store, swarm) as store:
        store.append(envelopes)
    return {to_text(envelope.id) for envelope in envelopes}


def ids_of(daemon: Daemon) -> set[str]:
    """Ids of all records of a daemon, by its own export."""
    assert daemon._client is not None
    lines = daemon._client.get("/v1/export").text.splitlines()
    return {json.loads(line)["id"] for line in lines}


def check_vectors(node: str, folder: Path) -> tuple[int, dict[str, Any]]:
    command = [node, "--no-warnings", str(HERE / "vectors.js"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def test_the_client_agrees_with_all_vectors(node: str) -> None:
    code, result = check_vectors(node, VECTORS)
    assert result["failures"] == []
    assert result["checks"] > 200
    assert code == 0


@pytest.mark.parametrize(
    ("file", "at", "value"),
    [
        ("record-v1.json", ("records", 1, "id"), "a" * 52),
        ("ed25519-v1.json", ("cases", 0, "holds"), False),
        ("ed25519-v1.json", ("cases", 3, "strict"), True),
        ("codec-v1.json", ("refused", 5, "bytes"), "01"),
        ("gossip-v1.json", ("digest",), "00" * 8),
        ("blobs-v1.json", ("blobs", 2, "id"), "a" * 52),
    ],
)
def test_it_would_notice_if_it_did_not(
    node: str, tmp_path: Path, file: str, at: tuple[Any, ...], value: object
) -> None:
    shutil.copytree(VECTORS, tmp_path / "vectors")
    path = tmp_path / "vectors" / file
    content = json.loads(path.read_text())
    inner = content
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    path.write_text(json.dumps(content))
    code, result = check_vectors(node, tmp_path / "vectors")
    assert (code, len(result["failures"])) == (1, 1)


def judged(raw: bytes, swarm: SwarmId) -> str:
    """What `judge.js` says of an envelope, by our own code."""
    try:
        envelope = open_envelope(raw, swarm)
    except PeerError:
        return "refused"
    return f"{to_text(envelope.id)} {str(envelope.signature_holds()).lower()}"


def test_both_judge_thousands_of_almost_right_records_alike(node: str) -> None:
    """A record that one implementation takes and another refuses would split the network for ever."""
    swarm = swarm_id("test-swarm")
    rows = json.loads((VECTORS / "record-v1.json").read_text())["records"]
    good = [bytes.fromhex(row["envelope"]) for row in rows]
    envelopes = [*good, *mutants(good, 3000, Random(5))]
    done = subprocess.run(
        [node, "--no-warnings", str(HERE / "judge.js"), swarm.hex()],
        input="\n".join(raw.hex() for raw in envelopes),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    ours = [judged(raw, swarm) for raw in envelopes]
    assert done.stdout.splitlines() == ours
    assert ours.count("refused") > 2000
    assert sum(word.endswith("false") for word in ours) > 200


READERS: dict[str, Callable[[bytes], object]] = {
    "ask": read_ask,
    "tell": read_tell,
    "sync-question": read_question,
    "sync-answer": read_answer,
    "blob-question": read_blob_question,
    "blob-answer": read_blob_answer,
}


def taken(word: str, frame: bytes) -> str:
    try:
        READERS[word](frame)
    except PeerError:
        return "refused"
    return "taken"


def test_both_judge_thousands_of_almost_right_frames_alike(node: str) -> None:
    """What one side sends in good faith must not count as broken at the other."""
    good = [
        bytes.fromhex(frame)
        for name in ("gossip-v1.json", "blobs-v1.json")
        for frame in json.loads((VECTORS / name).read_text())["frames"].values()
    ]
    random = Random(6)
    frames = [*good, *frame_mutants(good, 4000, random)]
    words = [next((w for w in READERS if taken(w, f) == "taken"), random.choice([*READERS])) for f in frames]
    done = subprocess.run(
        [node, "--no-warnings", str(HERE / "judge.js"), bytes(32).hex()],
        input="\n".join(f"{word} {frame.hex()}" for word, frame in zip(words, frames, strict=True)),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    ours = [taken(word, frame) for word, frame in zip(words, frames, strict=True)]
    differ = [
        (word, frame.hex(), our, their)
        for word, frame, our, their in zip(words, frames, ours, done.stdout.splitlines(), strict=True)
        if our != their
    ]
    assert differ == []
    assert ours.count("refused") > 2000
    assert ours.count("taken") > 250


def test_a_client_from_the_specifications_is_a_member(
    daemons: Callable[..., Daemon], join: Callable[..., Client]
) -> None:
    first = daemons("first")
    old = fill(first.home, 30)
    data = bytes(range(256)) * (2 * CHUNK_BYTES // 256) + b"the end."
    blob = BlobStore(first.home.blobs, 1 << 30).put(data)
    first.start()
    second = daemons("second", first.address, agent__enabled=False).start()
    client = join("test", [first.address])
    assert client.me["author"] == to_text(Signer(b"\x07" * 32).author)

    # Peer exchange: it knows one node, which knows the other.
    wait_until(lambda: client.ask("acquaint")["peers"] == 2)

    # Push: research of the first node reaches the client as it happens, records of many kinds.
    wait_until(lambda: client.ask("state")["pushed"] >= 10)
    first.post("/v1/agent/pause")

    def settled() -> bool:
        before = ids_of(first)
        time.sleep(0.5)
        return ids_of(first) == before == ids_of(second)

    wait_until(settled)

    # Pull: until the sets are equal, then again by ranges.
    client.ask("pull")
    state = client.ask("state")
    assert set(state["ids"]) == ids_of(first) == ids_of(second)
    assert old <= set(state["ids"])
    assert state["kinds"].keys() >= {"note", "track", "claim", "result", "profile"}
    assert state["rejected"] == 0
    audited = client.ask("pull", audit=True)["pulled"]
    assert [(peer["received"], peer["given"]) for peer in audited] == [(0, 0), (0, 0)]

    # A note that is pushed, and one that only sync can carry, are accepted and shown by both nodes.
    pushed = client.ask("note", text="pushed from another language")["id"]
    wait_until(lambda: pushed in ids_of(second))
    shown = second.ask(f"/v1/records/{pushed}")
    assert "pushed from another language" in json.dumps(shown)
    whispered = client.ask("whisper", text="carried by sync")["id"]
    assert whispered not in ids_of(first)
    assert sum(peer["given"] for peer in client.ask("pull")["pulled"]) >= 1
    wait_until(lambda: whispered in ids_of(first) and whispered in ids_of(second))

    # A blob, chunk by chunk; and one that nobody has.
    assert client.ask("blob", id=to_text(blob), most=len(data)) == {
        "bytes": len(data),
        "end": data[-8:].hex(),
    }
    assert client.ask("blob", id=to_text(bytes(32)), most=1)["bytes"] is None

    peers = {peer["peer_id"]: peer["guilt"] for peer in first.ask("/v1/peers")}
    assert peers[client.me["peer"]] == 0


def test_a_fresh_client_fetches_everything_and_ranges_find_what_differs(
    daemons: Callable[..., Daemon], join: Callable[..., Client]
) -> None:
    first = daemons("first", agent__enabled=False)
    ids = fill(first.home, BULK)
    first.start()
    client = join("test", [first.address])
    (pulled,) = client.ask("pull")["pulled"]
    assert pulled["received"] == BULK
    assert set(client.ask("state")["ids"]) == ids
    mine = {client.ask("whisper", text=f"difference {number}")["id"] for number in range(3)}
    (audited,) = client.ask("pull", audit=True)["pulled"]
    assert audited["given"] == 3
    wait_until(lambda: mine <= ids_of(first))


def test_a_private_swarm_takes_the_client_with_its_key_only(
    daemons: Callable[..., Daemon], join: Callable[..., Client], tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("5a" * 32)
    first = daemons("first", agent__enabled=False, network__psk_file=str(key))
    ids = fill(first.home, 5)
    first.start()
    client = join("test", [first.address], "5a" * 32)
    client.ask("pull")
    assert set(client.ask("state")["ids"]) == ids
    for wrong in (None, "5b" * 32):
        with pytest.raises(AssertionError, match="says nothing"):
            join("test", [first.address], wrong)
