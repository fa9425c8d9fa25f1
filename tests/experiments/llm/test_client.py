"""Every way in which an endpoint can fail, played by a scripted server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trio

from experiments.llm import (
    AnswerError,
    AuthError,
    Budget,
    BudgetSpent,
    Capability,
    Client,
    Json,
    Key,
    Limits,
    Message,
    Number,
    Object,
    Pocket,
    Price,
    Rung,
    Settings,
    Spent,
    Text,
    Unavailable,
    UnsupportedError,
    Wire,
)

if TYPE_CHECKING:
    from .conftest import Server

SCHEMA = Object({"idea": Text(100), "gain": Number(-2.0, 2.0)})
GOOD = '{"idea": "wider", "gain": 0.5}'
QUESTION = [Message("user", "What next?")]
STRICT = Capability(Rung.JSON_SCHEMA, enforced=True)


def client_of(server: Server, capability: Capability | None = STRICT, **changes: Any) -> Client:
    gap_s = changes.pop("gap_s", 5.0)
    key, budget = changes.pop("key", None), changes.pop("budget", None)
    settings = Settings(**{"model": "m", "max_tokens": 500, "deadline_s": 10.0, **changes})
    return Client(Wire(server.url, key, gap_s), settings, budget=budget, capability=capability)


async def ask(client: Client) -> dict[str, Json]:
    found, _ = await client.ask(QUESTION, SCHEMA, lambda value: value)
    return found


async def failure(client: Client) -> str:
    with pytest.raises(AnswerError) as caught:
        await ask(client)
    return caught.value.kind


async def test_an_answer_is_streamed_and_checked(server: Server) -> None:
    server.plays(server.says(GOOD))
    found, answer = await client_of(server).ask(QUESTION, SCHEMA, lambda value: value["gain"])
    assert found == 0.5
    assert (answer.requests, answer.prompt_tokens) == (1, 2000)
    assert server.requests[0]["response_format"]["json_schema"]["strict"] is True
    assert server.requests[0]["response_format"]["json_schema"]["schema"]["additionalProperties"] is False


async def test_an_answer_in_one_piece_is_read_too(server: Server) -> None:
    message = {"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}]}
    server.plays(server.raw("200 OK", json.dumps(message).encode(), "content-type: application/json"))
    assert (await ask(client_of(server)))["idea"] == "wider"


@pytest.mark.parametrize(
    ("form", "rung"), [("json_schema", Rung.JSON_SCHEMA), ("json_object+schema", Rung.OBJECT_WITH_SCHEMA)]
)
async def test_the_probe_finds_what_is_enforced(server: Server, form: str, rung: Rung) -> None:
    server.plays(server.enforces(form))
    assert await client_of(server, capability=None).probe() == Capability(rung, enforced=True)


async def test_a_server_that_lies_is_not_believed(server: Server) -> None:
    server.plays(server.obeys())
    client = client_of(server, capability=None)
    assert await client.probe() == Capability(Rung.OBJECT, enforced=False)
    # Three rungs were tried before: each with a 200 and an answer that ignored the schema.
    assert len(server.requests) == 4
    assert await ask(client) == {"idea": "x", "gain": 1}


async def test_the_nonce_is_not_in_the_prompt_of_the_enforcing_rungs(server: Server) -> None:
    server.plays(server.enforces())
    await client_of(server, capability=None).probe()
    request = server.requests[0]
    (word,) = request["response_format"]["json_schema"]["schema"]["properties"]["word"]["enum"]
    assert word not in json.dumps(request["messages"])


async def test_a_tool_call_is_read_from_its_arguments(server: Server) -> None:
    call = {"tool_calls": [{"index": 0, "function": {"name": "answer", "arguments": GOOD[:9]}}]}
    rest = {"tool_calls": [{"index": 0, "function": {"arguments": GOOD[9:]}}]}
    server.plays(server.events(server.delta(**call), server.delta(**rest), server.delta("tool_calls")))
    assert (await ask(client_of(server, Capability(Rung.TOOL_CALL, enforced=True))))["gain"] == 0.5


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (("404 Not Found", b'{"error": "model \'m\' not found, try pulling it first"}'), "unsupported"),
        (("200 OK", b"<html>Log in</html>", "content-type: text/html"), "garbage"),
        (("200 OK", b""), "garbage"),
        (("307 Temporary Redirect", b"", "location: http://127.0.0.1:1/v1"), "redirect"),
        (("500 Internal Server Error", b"oops"), "unsupported"),
    ],
)
async def test_who_answers_with_nothing_but_errors_is_no_model(
    server: Server, reply: tuple[Any, ...], kind: str
) -> None:
    server.plays(server.raw(*reply))
    with pytest.raises(AnswerError) as caught:
        await client_of(server, capability=None).probe()
    assert caught.value.kind == kind


async def test_who_says_nothing_is_no_model(server: Server) -> None:
    server.plays(server.says(""))
    with pytest.raises(AnswerError) as caught:
        await client_of(server, capability=None).probe()
    assert caught.value.kind == "empty"


def thinks_for(server: Server, tokens: int) -> Any:
    """A model that enforces schemas once it has thought for so many tokens."""

    async def reply(stream: trio.SocketStream, request: dict[str, Any]) -> None:
        thought = server.events(server.delta("length", reasoning_content="hm " * 100))
        await (thought if request["max_tokens"] < tokens else server.enforces())(stream, request)

    return reply


async def test_a_model_that_thinks_long_is_given_the_room_of_an_answer(server: Server) -> None:
    server.plays(thinks_for(server, 400))
    assert await client_of(server, capability=None).probe() == STRICT
    assert [request["max_tokens"] for request in server.requests] == [256, 500]


async def test_a_model_that_thinks_beyond_its_room_is_told_apart(server: Server) -> None:
    server.plays(thinks_for(server, 4000))
    with pytest.raises(AnswerError, match="500 tokens") as caught:
        await client_of(server, capability=None).probe()
    assert (caught.value.kind, len(server.requests)) == ("thinking", 2)


def refuses(server: Server, *parameters: tuple[str, str]) -> Any:
    """A server that complains about each of some parameters, in these words."""

    async def reply(stream: trio.SocketStream, request: dict[str, Any]) -> None:
        for name, words in parameters:
            if name in request:
                body = json.dumps({"error": {"message": words}}).encode()
                await server.raw("400 Bad Request", body)(stream, request)
                return
        await server.enforces()(stream, request)

    return reply


async def test_parameters_that_an_endpoint_does_not_know_are_said_otherwise(server: Server) -> None:
    server.plays(
        refuses(
            server,
            ("max_tokens", "'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
            ("temperature", "Only the default value of 'temperature' is supported"),
            ("stream_options", "stream_options: extra inputs are not permitted"),
        )
    )
    client = client_of(server, capability=None)
    assert await client.probe() == STRICT
    await ask(client)
    assert len(server.requests) == 5  # three refusals, the probe, the question
    last = server.requests[-1]
    assert last["max_completion_tokens"] == 500
    assert not {"max_tokens", "temperature", "stream_options"} & set(last)


async def test_the_limit_of_tokens_is_never_dropped(server: Server) -> None:
    server.plays(refuses(server, ("max_tokens", "max_tokens is too large for this context")))
    with pytest.raises(UnsupportedError):
        await ask(client_of(server))
    assert [request["max_tokens"] for request in server.requests] == [500]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/html"])
async def test_the_content_type_is_not_believed(server: Server, kind: str) -> None:
    events = b"".join(
        b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in (server.delta(content=GOOD), server.delta("stop"))
    )
    whole = json.dumps({"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}]}, indent=1)
    for body in (events, b"\n" + whole.encode()):
        server.plays(server.raw("200 OK", body, f"content-type: {kind}"))
        assert (await ask(client_of(server)))["idea"] == "wider"


async def test_a_busy_endpoint_is_no_evidence_and_ends_the_probe(server: Server) -> None:
    server.plays(server.raw("429 Too Many Requests"))
    with pytest.raises(Unavailable):
        await client_of(server, capability=None).probe()
    assert len(server.requests) == 1


async def test_retry_after_is_honoured(server: Server) -> None:
    server.plays(server.raw("429 Too Many Requests", b"", "retry-after: 0"), server.says(GOOD))
    assert (await ask(client_of(server)))["gain"] == 0.5
    assert len(server.requests) == 2


async def test_a_retry_after_beyond_the_deadline_is_handed_on(server: Server) -> None:
    server.plays(server.raw("503 Service Unavailable", b"", "retry-after: 120"))
    with pytest.raises(Unavailable) as caught:
        await ask(client_of(server))
    assert caught.value.retry_after_s == 120.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("9999999", 3600.0),
        ("soon", None),
        ("-3", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("1e9", None),
    ],
)
async def test_odd_retry_after_is_bounded(
    server: Server, monkeypatch: pytest.MonkeyPatch, value: str, seconds: float | None
) -> None:
    server.plays(server.raw("429 Too Many Requests", b"", f"retry-after: {value}"))
    # As long as the deadline, so that nobody asks again.
    monkeypatch.setattr("experiments.llm.client._SHORTEST_WAIT_S", 10.0)
    with pytest.raises(Unavailable) as caught:
        await ask(client_of(server))
    assert caught.value.retry_after_s == seconds


async def test_silence_is_unavailable(server: Server) -> None:
    server.plays(server.stalls)
    with pytest.raises(Unavailable, match="silent"):
        await ask(client_of(server, gap_s=0.1))
    await server.hung_up.wait()


async def test_the_deadline_holds(server: Server) -> None:
    server.plays(server.stalls)
    with pytest.raises(Unavailable, match="did not answer within"):
        await ask(client_of(server, deadline_s=0.1))


async def test_leaving_hangs_up(server: Server, nursery: trio.Nursery) -> None:
    """So that the only slot of a local server is free again."""
    server.plays(server.stalls)
    scope = trio.CancelScope()

    async def impatient() -> None:
        with scope:
            await ask(client_of(server))

    nursery.start_soon(impatient)
    await server.began.wait()
    assert not server.hung_up.is_set()
    scope.cancel()
    await server.hung_up.wait()


async def test_nobody_there(server: Server) -> None:
    client = Client(Wire("http://127.0.0.1:1/v1"), Settings("m"), capability=STRICT)
    with pytest.raises(Unavailable, match="is the server running"):
        await ask(client)


async def test_a_cut_stream_is_no_answer_even_if_it_parses(server: Server) -> None:
    server.plays(server.events(server.delta(content=GOOD), done=False))
    assert await failure(client_of(server)) == "cut"


async def test_a_connection_closed_within_a_body_is_cut(server: Server) -> None:
    async def reply(stream: Any, _: Any) -> None:
        await stream.send_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n:"
        )

    server.plays(reply)
    assert await failure(client_of(server)) == "cut"


async def test_garbage_with_200(server: Server) -> None:
    server.plays(server.raw("200 OK", b"<html>Welcome</html>", "content-type: text/html"))
    assert await failure(client_of(server)) == "garbage"


async def test_an_event_that_is_not_json(server: Server) -> None:
    server.plays(server.events(tail=b"data: {oops\n\n"))
    assert await failure(client_of(server)) == "not_json"


async def test_bytes_that_are_not_utf8(server: Server) -> None:
    server.plays(server.events(tail=b'data: {"choices": "\xff"}\n\n'))
    assert await failure(client_of(server)) == "not_utf8"


async def test_an_endless_answer_is_stopped(server: Server) -> None:
    server.plays(server.floods)
    assert await failure(client_of(server)) == "too_large"
    await server.hung_up.wait()
    assert server.sent < 8 * 1024 * 1024  # what fits into socket buffers beyond our limit


async def test_a_line_without_end_is_stopped(server: Server) -> None:
    server.plays(server.events(tail=b"data: " + b"x" * 3_000_000))
    assert await failure(client_of(server)) == "too_large"


async def test_compression_is_refused_unread(server: Server) -> None:
    server.plays(server.raw("200 OK", b"\x1f\x8b" + b"0" * 50, "content-encoding: gzip"))
    assert await failure(client_of(server)) == "encoding"
    assert "accept-encoding: identity" in server.heads[0].lower()


async def test_an_error_in_the_stream(server: Server) -> None:
    server.plays(server.events({"error": {"message": "out of memory"}}))
    assert await failure(client_of(server)) == "error"


async def test_redirects_are_not_followed(server: Server) -> None:
    server.plays(server.raw("307 Temporary Redirect", b"", f"location: {server.url}/elsewhere"))
    assert await failure(client_of(server)) == "redirect"
    assert len(server.requests) == 1


async def test_a_refused_key_is_for_a_person_and_stays_secret(server: Server) -> None:
    server.plays(server.raw("401 Unauthorized", b"the key sk-secret-123 is wrong"))
    with pytest.raises(AuthError) as caught:
        await ask(client_of(server, key=Key("sk-secret-123")))
    assert "authorization: bearer sk-secret-123" in server.heads[0].lower()
    assert "sk-secret" not in str(caught.value)


LONG = "eyJ/" + "aB3+" * 300
"""A key of 1,204 bytes, as tokens of identity providers are, with what JSON and URLs escape."""


@pytest.mark.parametrize(
    "spelled", [LONG, LONG.replace("/", "\\/"), LONG.replace("+", "%2B").replace("/", "%2F")]
)
async def test_a_long_key_that_is_repeated_stays_secret(server: Server, spelled: str) -> None:
    server.plays(server.raw("403 Forbidden", f"the token {spelled} has run out".encode()))
    with pytest.raises(AuthError) as caught:
        await ask(client_of(server, key=Key(LONG)))
    assert "aB3" not in str(caught.value)
    assert "has run out" in str(caught.value)


async def test_a_key_in_an_answer_or_in_an_error_of_a_stream_stays_secret(server: Server) -> None:
    server.plays(server.events({"error": {"message": "x" * 150 + LONG}}))
    with pytest.raises(AnswerError) as caught:
        await ask(client_of(server, key=Key(LONG)))
    assert "aB3" not in str(caught.value)
    key = Key("sk-secret-123")
    server.plays(server.says('{"idea": "the key is sk-secret-123", "gain": 0.5}'))
    assert (await ask(client_of(server, key=key)))["idea"] == "the key is [key]"
    server.plays(server.says('{"sk-secret-123": 1}'))
    with pytest.raises(AnswerError) as caught:
        await ask(client_of(server, key=key))
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff"])
async def test_halves_of_characters_are_no_text(server: Server, half: str) -> None:
    wrong = json.loads(json.dumps(GOOD)).replace("wider", half)
    server.plays(server.says(wrong), server.says(GOOD))
    assert (await ask(client_of(server)))["idea"] == "wider"
    assert "halves of characters" in server.requests[1]["messages"][-1]["content"]


async def test_halves_of_characters_in_the_frame_of_an_answer_are_mended_or_marked(server: Server) -> None:
    pieces = [server.delta(content=part) for part in ('{"idea": "\ud83d', '\ude00", "gain": 0.5}')]
    server.plays(server.events(*pieces, server.delta("stop")))
    assert (await ask(client_of(server)))["idea"] == "\N{GRINNING FACE}"
    server.plays(
        server.events(server.delta(content="not JSON \ud800"), server.delta("stop")), server.says(GOOD)
    )
    assert (await ask(client_of(server)))["idea"] == "wider"  # what is sent back can be encoded
    server.plays(server.events({"error": "\ud800"}))
    with pytest.raises(AnswerError) as caught:
        await ask(client_of(server))
    assert str(caught.value).encode()


async def test_a_form_refused_later_is_probed_again(server: Server) -> None:
    server.plays(server.raw("400 Bad Request"), server.enforces("json_object+schema"))
    client = client_of(server)
    with pytest.raises(UnsupportedError):
        await ask(client)
    assert (await client.probe()).rung is Rung.OBJECT_WITH_SCHEMA


async def test_reasoning_is_taken_away(server: Server) -> None:
    server.plays(server.says('<think>{"idea": "no", "gain": 0}</think>' + GOOD))
    assert (await ask(client_of(server)))["idea"] == "wider"


async def test_nothing_is_read_inside_unfinished_reasoning(server: Server) -> None:
    server.plays(server.says("<think>perhaps " + GOOD))
    assert await failure(client_of(server)) == "truncated"
    assert GOOD not in json.dumps(server.requests[1]["messages"])


async def test_reasoning_in_its_own_field_is_kept_apart(server: Server) -> None:
    server.plays(server.events(server.delta(reasoning_content="hm"), server.delta("stop", content=GOOD)))
    _, answer = await client_of(server).ask(QUESTION, SCHEMA, lambda value: value)
    assert answer.reasoning == "hm"


async def test_an_answer_that_ended_for_length_is_broken_even_if_it_parses(server: Server) -> None:
    server.plays(server.says(GOOD, finish="length"))
    assert await failure(client_of(server)) == "truncated"


async def test_a_prompt_that_was_cut_is_noticed(server: Server) -> None:
    server.plays(server.says(GOOD, prompt_tokens=50))
    with pytest.raises(AnswerError, match="raise its context length"):
        await client_of(server).ask([Message("user", "word " * 1000)], SCHEMA, lambda value: value)


@pytest.mark.parametrize(
    "wrong",
    [
        '{"idea": "wider", "gain": NaN}',
        '{"idea": "wider", "gain": 1e999}',
        '{"idea": "wider", "gain": 7}',
        '{"idea": "wider", "gain": true}',
        '{"idea": "wider", "gain": "0.5"}',
        '{"idea": "wider"}',
        '{"idea": "wider", "gain": 0.5, "extra": 1}',
        '{"idea": "wider", "gain": 0.5, "gain": 0.1}',
        '{"idea": "wider", "gain": 0.5',
        "[" * 200,
        '["idea"]',
        "Here it is: " + GOOD,
        "",
    ],
)
async def test_a_wrong_answer_goes_back_once_with_the_error(server: Server, wrong: str) -> None:
    server.plays(server.says(wrong), server.says(GOOD))
    found, answer = await client_of(server).ask(QUESTION, SCHEMA, lambda value: value)
    assert found["gain"] == 0.5
    assert answer.requests == 2
    assert "could not be used" in server.requests[1]["messages"][-1]["content"]


async def test_a_second_wrong_answer_is_a_failure(server: Server) -> None:
    server.plays(server.says('{"idea": 1}'))
    assert await failure(client_of(server)) == "invalid"
    assert len(server.requests) == 2


async def test_the_callers_own_check_counts_like_the_schema(server: Server) -> None:
    server.plays(server.says(GOOD), server.says('{"idea": "deeper", "gain": 1}'))

    def check(value: dict[str, Json]) -> str:
        if value["idea"] == "wider":
            raise AnswerError("duplicate", "wider was tried; propose another")
        return str(value["idea"])

    found, _ = await client_of(server).ask(QUESTION, SCHEMA, check)
    assert found == "deeper"
    assert "wider was tried" in server.requests[1]["messages"][-1]["content"]


async def test_a_fence_counts_only_where_nothing_is_enforced(server: Server) -> None:
    server.plays(server.says(f"```json\n{GOOD}\n```"))
    assert (await ask(client_of(server, Capability(Rung.PROMPT, enforced=False))))["gain"] == 0.5
    assert await failure(client_of(server)) == "not_json"


# --- budgets ------------------------------------------------------------------------------------------------


async def test_a_budget_is_never_passed(server: Server) -> None:
    server.plays(server.says(GOOD, prompt_tokens=40))
    limits = Limits(tokens=3000, dollars=0.02)
    budget = Budget(limits, lambda: 1e9)
    client = client_of(server, budget=budget, price=Price(1.0, 10.0))
    spent = [budget.spent]
    with pytest.raises(BudgetSpent, match="midnight UTC"):  # noqa: PT012  asked until it refuses
        for _ in range(1000):
            await ask(client)
            spent.append(budget.spent)
    assert all(one.tokens <= 3000 and one.dollars <= 0.02 for one in spent)
    assert len(server.requests) > 5  # settled by what was used, not by the worst case


async def test_what_an_endpoint_does_not_report_counts_as_the_worst_case(server: Server) -> None:
    server.plays(server.events(server.delta("stop", content=GOOD)))
    budget = Budget(Limits(), lambda: 1e9)
    await ask(client_of(server, budget=budget))
    assert budget.spent.tokens >= 500


async def test_a_refused_request_costs_no_tokens(server: Server) -> None:
    server.plays(server.raw("503 Service Unavailable"))
    budget = Budget(Limits(), lambda: 1e9)
    with pytest.raises(Unavailable):
        await ask(client_of(server, budget=budget))
    assert (budget.spent.requests, budget.spent.tokens) == (1, 0)


async def test_a_refused_key_costs_no_tokens(server: Server) -> None:
    server.plays(server.raw("401 Unauthorized"))
    budget = Budget(Limits(), lambda: 1e9)
    with pytest.raises(AuthError):
        await ask(client_of(server, budget=budget))
    assert (budget.spent.requests, budget.spent.tokens) == (1, 0)


async def test_seconds_are_bounded_too(server: Server) -> None:
    server.plays(server.says(GOOD))
    budget = Budget(Limits(seconds=15.0), lambda: 1e9, Pocket(Spent(11574, seconds=6.0)))
    with pytest.raises(BudgetSpent, match="15 s"):
        await ask(client_of(server, budget=budget))  # may take until its deadline, 10 s
    assert server.requests == []


def test_a_request_that_midnight_overtakes_was_paid_from_the_day_before() -> None:
    clock = [86_400.0 * 101 - 1]
    budget = Budget(Limits(tokens=1000), lambda: clock[0])
    late = budget.reserve(900, 0.0, 1.0)
    clock[0] += 2
    early = budget.reserve(1000, 0.0, 1.0)
    budget.settle(late, 900, 0.5, 1.0)
    assert budget.spent == Spent(101, 1, 1000, 0.0, 1.0)
    budget.settle(early, 10, 0.0, 1.0)
    assert budget.spent.tokens == 10


def test_a_clock_that_is_set_back_over_midnight_does_not_open_the_purse_again() -> None:
    clock = [86_400.0 * 101 + 1]
    budget = Budget(Limits(requests=2), lambda: clock[0])
    budget.settle(budget.reserve(5, 0.0, 1.0), 5, 0.0, 1.0)
    clock[0] -= 2
    budget.settle(budget.reserve(5, 0.0, 1.0), 3, 0.0, 1.0)
    assert budget.spent == Spent(101, 2, 8, 0.0, 2.0)
    with pytest.raises(BudgetSpent):
        budget.reserve(1, 0.0, 1.0)
    clock[0] -= 86_400.0 * 30  # it was a month fast: that must not close the purse for a month
    budget.reserve(1, 0.0, 1.0)


def test_a_new_day_opens_the_purse_and_a_restart_does_not() -> None:
    clock = [86_400.0 * 100]
    budget = Budget(Limits(requests=1), lambda: clock[0])
    budget.reserve(1, 0.0, 1.0)
    restarted = Budget(Limits(requests=1), lambda: clock[0], Pocket(budget.spent))
    with pytest.raises(BudgetSpent):
        restarted.reserve(1, 0.0, 1.0)
    clock[0] += 86_400.0
    assert restarted.spent == Spent(101)
    restarted.reserve(1, 0.0, 1.0)
