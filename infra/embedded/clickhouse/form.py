"""Fields of a multipart form, in which clickhouse-connect can send long parameters."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser

from infra.embedded.clickhouse.errors import StoreError


def read_form(content_type: str, body: bytes) -> dict[str, str]:
    """The text fields by their names; raises `StoreError` for a file (an external table) or what is no form."""
    # the policy that parses no header which nobody asks for: the newer ones take milliseconds for a query's form
    whole = b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    message = BytesParser(policy=policy.compat32).parsebytes(whole)
    if not message.is_multipart():
        raise StoreError(36, "BAD_ARGUMENTS", "The request's body is not the form that its head announces.")
    fields = {}
    for part in message.walk():
        if part.is_multipart():
            continue  # the whole
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if part.get_filename() or not isinstance(name, str) or not isinstance(data, bytes):
            raise StoreError(48, "NOT_IMPLEMENTED", "External tables are not supported by the embedded store.")
        fields[name] = data.decode(errors="replace")
    return fields
