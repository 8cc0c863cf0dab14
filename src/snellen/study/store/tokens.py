"""What participants show to be found again. Of a token only its hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets

__all__ = ["new_token", "token_hash", "withdrawal_token"]


def new_token() -> str:
    """128 random bits, as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def token_hash(token: str) -> bytes:
    """What is kept of a token: 32 bytes, from which it cannot be found.

    >>> token_hash("00").hex()[:8]
    'f1534392'
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def withdrawal_token(salt: str, session: str) -> str:
    """The token of the link for withdrawal: always the same for a session, so that it stays good.

    >>> withdrawal_token("00" * 32, "a") == withdrawal_token("00" * 32, "a")
    True
    """
    made = hmac.digest(bytes.fromhex(salt), f"withdraw\0{session}".encode(), hashlib.sha256)
    return made[:16].hex()
