"""The fast path: decodes a generation in one pass if all its fields are known and well typed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from msgspec.structs import astuple

from ingest.client.json_values import NULL, encode_extra, in_utc, read_money
from ingest.core.api_records import GenerationResponse, GenerationResponseData
from ingest.core.record import EXTRA, fields_of

if TYPE_CHECKING:
    from ingest.core.record import Field

_ABSENT = msgspec.Raw(b"")
_DOCUMENTED = tuple(f for f in fields_of(GenerationResponseData) if f.name != EXTRA)

KNOWN_NAMES = frozenset(f.name for f in fields_of(GenerationResponseData))


class StrictDecoder:
    """Decodes an answer to ``GET /generation`` in one pass.

    Args:
        learned: Names of undocumented fields that earlier answers had. They are accepted and kept in `extra`.
    """

    def __init__(self, learned: tuple[str, ...] = ()) -> None:
        self.learned = learned
        fields = [_declaration(f) for f in _DOCUMENTED]
        fields += [(f"_{n}", msgspec.Raw, msgspec.field(name=k, default=_ABSENT)) for n, k in enumerate(learned)]
        data = msgspec.defstruct("StrictGeneration", fields, forbid_unknown_fields=True, gc=False)
        answer = msgspec.defstruct("StrictAnswer", [("data", data)], forbid_unknown_fields=True, gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(answer)
        self._money = [(index, f.name) for index, f in enumerate(_DOCUMENTED) if _has_type(f, Decimal)]
        self._times = [index for index, f in enumerate(_DOCUMENTED) if _has_type(f, datetime)]

    def decode(self, body: bytes) -> GenerationResponse:
        """Decode the body of an answer.

        Raises:
            msgspec.DecodeError: A field is unknown or has another type than documented, or the body is not JSON.
        """
        values = list(astuple(self._decoder.decode(body).data))
        extra = {}
        if self.learned:
            width = len(_DOCUMENTED)
            undocumented = zip(self.learned, values[width:], strict=True)
            extra = {name: raw for name, raw in undocumented if raw is not _ABSENT}
            del values[width:]
        for index, name in self._money:
            raw = values[index]
            values[index], is_exact = read_money(bytes(raw))
            if not is_exact:
                extra[name] = raw
        for index in self._times:
            values[index] = in_utc(values[index])
        values.append(encode_extra(extra))
        return GenerationResponse(GenerationResponseData(*values))


def _declaration(field: Field) -> tuple[str, Any, Any]:
    # As Decimal, msgspec would accept the strings "0.5" and "NaN" as prices, so a price is read from its JSON text.
    return (field.name, msgspec.Raw, NULL) if _has_type(field, Decimal) else (field.name, field.declared, None)


def _has_type(field: Field, kind: type) -> bool:
    return get_args(field.type)[:1] == (kind,)
