"""No secret in what people read, in whatever spelling."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import change
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import render
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import service_of as owner
from ansible_collections.tiketi.platform.plugins.module_utils._service.report import differences, files
from ansible_collections.tiketi.platform.plugins.module_utils._service.scrub import Scrubber

from .conftest import PASSWORD, TOKEN, service_of

VALUE = "p@ss/w ord'1"
SCRUBBER = Scrubber({"a/b": {"password": VALUE, "username": "shop"}})


@pytest.mark.parametrize(
    "spelling",
    [VALUE, quote(VALUE), quote(VALUE, safe=""), base64.b64encode(VALUE.encode()).decode(), repr(VALUE)[1:-1]],
)
def test_a_known_value_in_every_spelling(spelling: str) -> None:
    assert SCRUBBER.text(f"FATAL: login of shop with {spelling} failed") == "FATAL: login of shop with ******** failed"


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("password=hunter2 host=db", "hunter2"),
        ('{"token": "abcdef"}', "abcdef"),
        ("Authorization: Bearer abcdefghij", "abcdefghij"),
        ("postgres://shop:hunter2@db/shop", "hunter2"),
        ("key AKIAABCDEFGHIJKLMNOP used", "AKIAABCDEFGHIJKLMNOP"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig_nature", "eyJhbGciOiJIUzI1NiJ9"),
    ],
)
def test_what_looks_like_a_secret(line: str, hidden: str) -> None:
    assert hidden not in Scrubber({}).text(line)


def test_an_innocent_line_stays_as_it_is() -> None:
    line = "psycopg.OperationalError: connection to server at db.internal, port 5432 failed: timeout"
    assert SCRUBBER.text(line) == line


def test_neither_differences_nor_files_hold_a_secret(target: Target) -> None:
    rendered = render([service_of(database=True, redis=True)], target)
    shown = str(differences([change(None, obj) for obj in rendered])) + str(files(rendered, owner))
    for value in (PASSWORD, TOKEN):
        assert value not in shown
        assert base64.b64encode(value.encode()).decode() not in shown
    assert "Secret cart-" in shown, "its name and keys are shown"
    assert "database-password" in shown
