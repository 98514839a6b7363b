"""The two kinds of keys: the API key, and the management key, which lists what the account did and cannot infer."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.core.masking import MANAGEMENT_VARIABLE, VARIABLE


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A kind of key: what it is called, where it is found, and where it is made.

    Attributes:
        name: The kind in messages.
        variable: The environment's variable.
        option: The beginning of the two options that name a file and a command.
        credential: Name of the key's file in ``$CREDENTIALS_DIRECTORY``, the directory of systemd's credentials.
        page: Where such keys are made.
        advice: What to do if there is none.
    """

    name: str
    variable: str
    option: str
    credential: str
    page: str
    advice: str

    @property
    def file_option(self) -> str:
        """The option that names a file."""
        return f"{self.option}-file"

    @property
    def command_option(self) -> str:
        """The option that names a command."""
        return f"{self.option}-command"


INFERENCE = KeyKind(
    "API key",
    VARIABLE,
    "--api-key",
    "openrouter_api_key",
    "https://openrouter.ai/settings/keys",
    f"export {VARIABLE}=sk-or-…, or try `orusage demo`, which needs none",
)

MANAGEMENT = KeyKind(
    "management key",
    MANAGEMENT_VARIABLE,
    "--management-key",
    "openrouter_management_key",
    "https://openrouter.ai/settings/management-keys",
    f"make one at https://openrouter.ai/settings/management-keys and export {MANAGEMENT_VARIABLE}=sk-or-…",
)

KINDS = (INFERENCE, MANAGEMENT)
