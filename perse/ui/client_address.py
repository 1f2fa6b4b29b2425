"""Where a request comes from, as far as that can be believed."""

import ipaddress
import os
import re

from starlette.requests import HTTPConnection

# How many reverse proxies of the owner's stand before the page; each adds one entry to X-Forwarded-For, and only those are believed.
# A hosted Space has one.
PROXIES = int(os.environ.get("PERSE_PROXIES", "1" if "SPACE_ID" in os.environ else "0"))
WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")


def address_of(peer: str | None, forwarded: str | None, proxies: int = PROXIES) -> str:
    """The address that counts against flooding: never shown, logged or kept beyond the visit.

    peer: the connection's other end. forwarded: the X-Forwarded-For header, which a client may begin with what it likes: the last
    entry that a trusted proxy wrote is taken, without a port. IPv6 addresses count by their /56, which one household may have.
    """
    entries = [e.strip() for e in (forwarded or "").split(",") if e.strip()]
    text = entries[-min(proxies, len(entries))] if proxies and entries else peer or ""
    if match := WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return peer or ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.version == 6:
        return str(ipaddress.ip_network((address, 56), strict=False).network_address)
    return str(address)


def address_in(request: HTTPConnection) -> str:
    """`address_of` a request; a header that was sent several times counts as one list."""
    return address_of(request.client and request.client.host, ",".join(request.headers.getlist("x-forwarded-for")))
