"""Fields of a multipart form, in which clickhouse-connect can send long parameters."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser

from infra.embedded.clickhouse.errors import StoreError


def read_form(content_type: str, body: bytes) -> dict[str, str]:
    """The text fields by their names; raises `StoreError` for a file (an external table) or what is no form."""
    message = BytesParser(policy=policy.HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if part.get_filename() or not isinstance(name, str) or not isinstance(data, bytes):
            raise StoreError(48, "NOT_IMPLEMENTED", "External tables are not supported by the embedded store.")
        fields[name] = data.decode(errors="replace")
    return fields
