"""What people and programs are told while the database does not answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = """
import json, sys, django
django.setup()
from django.test import Client
client = Client(raise_request_exception=False, headers={"accept-language": "ko", "authorization": "Bearer " + "x" * 40})
client.cookies["sessionid"] = "x" * 32
answer = client.get(sys.argv[1])
print(json.dumps([answer.status_code, answer.get("Retry-After"), answer.content.decode()]))
"""


@pytest.mark.parametrize("address", ["/instances/", "/login/", "/api/v1/instances/"])
def test_lost_database_is_a_503_that_says_so(address: str, tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", ASK, address],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cloudia.settings",
            "CLOUDIA_DEBUG": "0",
            "CLOUDIA_ALLOWED_HOSTS": "testserver",
            "DATABASE_URL": f"postgresql://cloudia@/cloudia?host={tmp_path}",
        },
        capture_output=True,
        text=True,
    )
    assert answer.stdout, answer.stderr
    status, retry_after, text = json.loads(answer.stdout.splitlines()[-1])
    assert (status, retry_after) == (503, "5"), answer.stderr
    assert "데이터베이스가 응답하지 않습니다" in text
