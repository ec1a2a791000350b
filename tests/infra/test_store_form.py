"""A query's form is read as it was sent, and nothing else passes for one."""

import aiohttp
import pytest

from infra.embedded.clickhouse.errors import StoreError
from infra.embedded.clickhouse.form import read_form

FIELDS = {"query": "SELECT {a:String}\r\n\r\n--x", "param_a": "Zürich 中 \x00\\ '\"", "param_empty": "", "n": "\n--\n"}


async def form(fields, **more):
    """As the client writes it."""
    writer = aiohttp.MultipartWriter("form-data")
    for name, value in fields.items():
        writer.append(value).set_content_disposition("form-data", name=name, **more)
    written = _Written()
    await writer.write(written)
    return writer.headers["Content-Type"], bytes(written)


class _Written(bytearray):
    async def write(self, data):
        self += data


async def test_fields_come_out_as_they_went_in():
    assert read_form(*await form(FIELDS)) == FIELDS


async def test_a_file_is_refused():
    with pytest.raises(StoreError, match="External tables"):
        read_form(*await form({"rows": "1\n2\n"}, filename="rows"))


def test_what_is_no_form_is_refused():
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=another", "text/plain"):
        with pytest.raises(StoreError):
            read_form(content_type, b"--one\r\n\r\nnothing\r\n")
