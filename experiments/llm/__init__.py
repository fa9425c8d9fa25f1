"""Language models behind any OpenAI-compatible endpoint, bounded in time, tokens and money.

    client = Client(Wire("http://127.0.0.1:8080/v1"), Settings("any-model"))
    found, answer = await client.ask(messages, schema, check)

`http` is the one file that speaks HTTP; `ladder` finds out whether a schema is enforced; `schema` and
`answer` trust nothing that comes back; `budget` cannot be passed; `discovery` says what an endpoint can do.
What goes wrong is one of the errors of `errors`, sorted by whose fault it is.
"""

from __future__ import annotations

from .budget import Budget, Limits, Pocket, Price, Purse, Spent
from .client import Answer, Capability, Client, Settings
from .discovery import Probe, probe
from .errors import AnswerError, AuthError, BudgetSpent, Unavailable, UnsupportedError
from .http import Wire
from .keys import Key, key_from_environment, key_from_file
from .ladder import Message, Rung
from .schema import Array, Json, Number, Object, OneOf, Scale, Text

__all__ = [
    "Answer",
    "AnswerError",
    "Array",
    "AuthError",
    "Budget",
    "BudgetSpent",
    "Capability",
    "Client",
    "Json",
    "Key",
    "Limits",
    "Message",
    "Number",
    "Object",
    "OneOf",
    "Pocket",
    "Price",
    "Probe",
    "Purse",
    "Rung",
    "Scale",
    "Settings",
    "Spent",
    "Text",
    "Unavailable",
    "UnsupportedError",
    "Wire",
    "key_from_environment",
    "key_from_file",
    "probe",
]
