"""`status`, `peers`, `id`: what a glance at a node shows."""

from __future__ import annotations

from urllib.parse import quote

import click

from ..api.values import IdentityView, ModelStatus, NodeStatus, PeerView, RefusedView
from ..text import visible
from .client import connect
from .group import Session, shared
from .output import age, amount, print_json, say, style, table

__all__ = ["id_command", "peers_command", "status_command"]


@click.command("status")
@shared
def status_command(session: Session) -> None:
    """How this node is doing."""
    status = connect(session.home).get(NodeStatus, "/v1/status")
    if session.as_json:
        print_json(status)
        return
    me, agent = status.identity, status.agent
    say(f"{visible(me.name) or '(no name)'}  {me.peer_id}")
    say(f"  swarm     {visible(me.swarm)}")
    say(f"  up since  {age(status.started_ms)} ago, version {visible(status.version)}")
    say(f"  peers     {status.peers}")
    say(f"  records   {status.records} ({status.store_bytes / 1e6:.1f} MB), {status.tracks} tracks")
    say(f"  board     {status.board_digest[:16]} (equal on nodes with equal records)")
    if status.boards_percent < 100:
        say(f"  boards    catching up with the records: {status.boards_percent:.0f} %")
    resting = f" (resting: {visible(agent.resting)})" if agent.resting not in ("", agent.activity) else ""
    done = f"{agent.trials} trials, {agent.replications} replications"
    say(f"  agent     {visible(agent.activity)}{resting}; {done}")
    for device in agent.devices:
        failed = f", {device.failures} failed, last: {visible(device.last_fault)}" if device.failures else ""
        say(f"  {device.name:9} busy {device.busy:.0%} of the time, {device.trials} runs{failed}")
    if agent.model is not None:
        _say_model(agent.model)
    for address in status.listen:
        say(f"  listens   {visible(address)}")
    for part in status.parts:
        trouble = f", {part.restarts} restarts, last: {visible(part.last_error)}" if part.restarts else ""
        say(f"  {part.name:9} {style(part.state)}{trouble}")


def _say_model(model: ModelStatus) -> None:
    limits = (
        _used(f"{model.requests:,}", model.requests_per_day, "requests"),
        _used(f"{model.tokens:,}", model.tokens_per_day, "tokens"),
        _used(f"{model.dollars:.2f}", model.dollars_per_day, "dollars"),
        _used(f"{model.seconds:,.0f}", round(model.seconds_per_day), "s"),
    )
    failures = ", ".join(f"{kind} {count}" for kind, count in sorted(model.failures.items()))
    say(f"  model     {visible(model.name)} at {visible(model.endpoint)}; {visible(model.state)}")
    say(f"            {model.ideas} ideas from {model.asked} questions{failures and f' ({failures})'}")
    say(f"            today {', '.join(limits)}")


def _used(amount: str, limit: float, unit: str) -> str:
    return f"{amount} of {limit:,} {unit}" if limit else f"{amount} {unit}"


@click.group("peers", invoke_without_command=True)
@shared
def peers_command(session: Session) -> None:
    """Whom this node is connected to, and whose records it leaves out."""
    if click.get_current_context().invoked_subcommand is None:
        _list_peers(session)


@peers_command.command("refuse")
@click.argument("author")
@shared
def refuse_command(session: Session, *, author: str) -> None:
    """Leave out an author's records, here and at once: from boards, sync and push."""
    _say_refused(session, connect(session.home).post(RefusedView, f"/v1/authors/{quote(author, '')}/refuse"))


@peers_command.command("allow")
@click.argument("author")
@shared
def allow_command(session: Session, *, author: str) -> None:
    """Take in an author's records again."""
    _say_refused(session, connect(session.home).post(RefusedView, f"/v1/authors/{quote(author, '')}/allow"))


@peers_command.command("refused")
@shared
def refused_command(session: Session) -> None:
    """Whose records this node leaves out."""
    _say_refused(session, connect(session.home).get(RefusedView, "/v1/refused"))


def _say_refused(session: Session, view: RefusedView) -> None:
    if session.as_json:
        print_json(view)
        return
    for author in view.authors:
        say(visible(author))
    if not view.authors:
        say("nobody is refused")


def _list_peers(session: Session) -> None:
    peers = connect(session.home).get(tuple[PeerView, ...], "/v1/peers")
    if session.as_json:
        print_json(peers)
        return
    if not peers:
        say(
            "no peers yet; `consilience up --bootstrap MULTIADDR` joins through one that has the same\n"
            "name of the swarm, proof of work and key"
        )
        return
    rows = [
        (
            _short_peer(peer.peer_id),
            peer.name[:16],
            peer.direction,
            age(peer.since_ms),
            "-" if peer.rtt_ms is None else f"{peer.rtt_ms:.0f} ms",
            amount(peer.guilt),
            peer.trust or "-",
        )
        for peer in peers
    ]
    below = [[f"  {visible(peer.address)}"] for peer in peers]
    table(("peer", "name", "dir", "since", "rtt", "guilt", "trust"), rows, right="rtt guilt", below=below)


@click.command("id")
@shared
def id_command(session: Session) -> None:
    """Who this node is: its author id and libp2p PeerId. Works without a daemon."""
    import os

    from leaderboard.ids import to_text

    from ..config import load
    from ..identity import load as load_identity

    config = load(session.home, os.environ, {})
    me = load_identity(session.home.identity)
    view = IdentityView(
        author=to_text(me.author),
        peer_id=me.peer_id,
        name=config.node.name,
        swarm=config.node.swarm,
        swarm_id=to_text(config.swarm_id()),
    )
    if session.as_json:
        print_json(view)
        return
    say(f"author   {view.author}")
    say(f"peer id  {view.peer_id}")
    say(f"name     {visible(view.name) or '(none)'}")
    say(f"swarm    {visible(view.swarm)}")
    say(f"key      {visible(str(session.home.identity))}")


def _short_peer(text: str) -> str:
    """The tail of a PeerId: the head is the same for every Ed25519 key."""
    return f"…{text[-8:]}"
