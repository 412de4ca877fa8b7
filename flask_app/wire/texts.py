"""The text formats that marshmallow's fields and validators send and accept, as JSON Schemas.

A format says for a reader what a text is, and a pattern whatever the format's standard allows and Python does not read:
the year 0, leap seconds. Both together are exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import validate

from flask_app.wire.refusal import UndocumentableError

JsonSchema = dict[str, Any]

_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
_OFFSET = f"(?:Z|[+-]{_HOUR}:{_SIXTY})"
_CLOCK = rf"{_HOUR}:{_SIXTY}:{_SIXTY}(?:\.[0-9]+)?"
# No format for a date and time without a zone is known to all tools, so the pattern encodes the calendar.
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DAY = (
    "(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_IPV6_GROUP = "[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    [
        f"(?:{_IPV6_GROUP}:){{7}}{_IPV6_GROUP}",
        f"(?:{_IPV6_GROUP}:){{1,7}}:",
        *(f"(?:{_IPV6_GROUP}:){{1,{7 - after}}}(?::{_IPV6_GROUP}){{1,{after}}}" for after in range(1, 7)),
        f":(?::{_IPV6_GROUP}){{1,7}}",
        "::",
    ]
)
_LABEL = "[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?"
_DOMAIN = rf"(?:{_LABEL}\.)+[A-Za-z]{{2,63}}"
_EMAIL_ATOM = r"[0-9A-Za-z!#\$%&'*+/=?^_`{|}~-]+"
_URL_CHARACTER = r"(?:[0-9A-Za-z._~!\$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})"
_USER_INFO = r"(?:(?:[0-9A-Za-z._~!\$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
_URL_TAIL = f"(?:[/?]{_URL_CHARACTER}+(?:#{_URL_CHARACTER}*)?|[/?]#{_URL_CHARACTER}*|#{_URL_CHARACTER}+)"


def text(pattern: str | None = None, **more: Any) -> JsonSchema:
    """Return the schema of texts that match a pattern as a whole."""
    return {"type": "string", **more} | ({} if pattern is None else {"pattern": f"^{pattern}$"})


INTEGER = "(?:0|-?[1-9][0-9]*)"
TIME = text(f"{_CLOCK}{_OFFSET}?")
LOCAL_DATE_TIME = text(f"{_DAY}T{_CLOCK}", format="date-time-local")
EMAIL = text(rf"{_EMAIL_ATOM}(?:\.{_EMAIL_ATOM})*@(?:{_DOMAIN}|localhost)", format="email")
# The formats that a field's metadata may name, with their schemas.
FORMATS: Mapping[str, JsonSchema] = {
    "date": {"type": "string", "format": "date", "pattern": "^(?!0000)"},
    "date-time": {
        "type": "string",
        "format": "date-time",
        "pattern": "^(?!0000|.*:60)[0-9-]{10}T[0-9:.]+(?:Z|[+-][0-9:]{5})$",
    },
    "uuid": {"type": "string", "format": "uuid"},
    "ipv4": {"type": "string", "format": "ipv4"},
    "ipv6": {"type": "string", "format": "ipv6"},
    "email": EMAIL,
    "uri-reference": text(
        rf"(?:[A-Za-z][0-9A-Za-z+.-]*:)?(?://{_DOMAIN}(?![0-9A-Za-z._~-])|(?!//))"
        rf"(?!:)(?:[0-9A-Za-z._~!\$&'()*+,;=@/-]|%[0-9A-Fa-f]{{2}})*(?:\?{_URL_CHARACTER}*)?(?:#{_URL_CHARACTER}*)?",
        format="uri-reference",
    ),
}
DATE_TIME, DATE = FORMATS["date-time"], FORMATS["date"]
# Times that exist in every zone: not all do in the first and the last year of the calendar.
SHIFTED_DATE_TIME = DATE_TIME | {"pattern": DATE_TIME["pattern"].replace("0000|", "0000|0001|9999|")}


def decimal(places: int | None, digits: int, *, special: bool) -> JsonSchema:
    """Return the schema of decimals written without an exponent.

    Args:
        places: The number of digits after the point; any number if ``None``.
        digits: The maximum number before it, if ``places`` is given.
        special: Whether NaN and infinities are also allowed.
    """
    if places is None:
        number = r"-?[0-9]+(?:\.[0-9]+)?"
    else:
        number = f"-?[0-9]{{1,{digits}}}" + (rf"\.[0-9]{{{places}}}" if places > 0 else "")
    return text(f"(?:{number}|NaN|-?Infinity)" if special else number, format="decimal")


def floating(*, special: bool) -> JsonSchema:
    """Return the schema of floating-point numbers as Python writes them."""
    # Below 1e308, so that parsing never gives an infinity.
    exponent = r"e(?:-[0-9]{2,3}|\+(?:[0-9]{2}|[12][0-9]{2}|30[0-7]))"
    number = rf"-?(?:[0-9]{{1,17}}(?:\.[0-9]+)?|[0-9](?:\.[0-9]+)?{exponent})"
    return text(f"(?:{number}|nan|-?inf)" if special else number)


def ip_interface(versions: tuple[int, ...]) -> JsonSchema:
    """Return the schema of an address of these versions with its network's prefix length."""
    kinds = {
        4: f"(?:{_IPV4})/(?:3[0-2]|[12]?[0-9])",
        6: rf"(?:{_IPV6}|::[Ff]{{4}}:{_IPV4})/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])",
    }
    return text(f"(?:{'|'.join(kinds[version] for version in versions)})")


def url(validator: validate.URL) -> JsonSchema:
    """Return the schema of the URLs that a validator accepts, in the characters of RFC 3986.

    Raises:
        UndocumentableError: A scheme that no URL has.
    """
    hosts = [_DOMAIN, "localhost", _IPV4, rf"\[(?:{_IPV6})\]"]
    if not validator.require_tld:
        hosts.append(_LABEL)
    alternatives = []
    if validator.absolute:
        schemes = sorted(validator.schemes)
        if strange := [scheme for scheme in schemes if not re.fullmatch("[a-z][0-9a-z+.-]*", scheme)]:
            raise UndocumentableError(f"{strange[0]!r} is not a URL scheme; give one such as http")
        names = "|".join(map(re.escape, schemes)).replace(r"\-", "-")
        alternatives.append(f"(?:{names})://{_USER_INFO}(?:{'|'.join(hosts)})(?::[0-9]+)?(?:/?|{_URL_TAIL})")
        if "file" in schemes:
            alternatives.append(f"file:///{_URL_CHARACTER}*")
    if validator.relative:
        alternatives.append(f"(?!//|.*://)(?:/|{_URL_TAIL})")
    whole = alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"
    return text(whole, format="uri-reference" if validator.relative else "uri")
