"""Where a request comes from, as far as that can be believed."""

import ipaddress
import os

# How many reverse proxies of the owner's stand before the page; each adds one entry to X-Forwarded-For, and only those are believed.
# A hosted Space has one.
PROXIES = int(os.environ.get("PERSE_PROXIES", "1" if "SPACE_ID" in os.environ else "0"))


def address_of(peer: str | None, forwarded: str | None, proxies: int = PROXIES) -> str:
    """The address that counts against flooding: never shown, logged or kept beyond the visit.

    peer: the connection's other end. forwarded: the X-Forwarded-For header, which a client may begin with what it likes: the last
    entry that a trusted proxy wrote is taken. IPv6 addresses count by their /64, which one household has.
    """
    entries = [e.strip() for e in (forwarded or "").split(",") if e.strip()]
    text = entries[-min(proxies, len(entries))] if proxies and entries else peer or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return peer or ""
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
