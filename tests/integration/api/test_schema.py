"""The OpenAPI description is true: generated requests, good and bad, get only answers that it describes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from cloudia.api.codes import CODES, FIELD_CODES
from tests.factories import (
    AffinityGroupFactory,
    BootDiskFactory,
    FileSystemFactory,
    FloatingIPFactory,
    HostFactory,
    ImageFactory,
    InstanceFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    JobFactory,
    JobStepFactory,
    LaunchTemplateFactory,
    OperatorFactory,
    RuleFactory,
    StorageDomainFactory,
    TraceFactory,
    UploadFactory,
    VolumeFactory,
)
from tests.integration.api.conftest import BASE, token_for

# Every request has a good token, and a request can fit the description and still name a project that is not there.
NOT_ASKED = [ignored_auth, positive_data_acceptance]
EXAMPLES = 8  # per operation, beside those at the limits of every field
description: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]  # not ours
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
api = schemathesis.openapi.from_dict(description)  # asking the application itself would need the database already
api.app = get_wsgi_application()


class Rows:
    """Something of everything, and a token that may do everything."""

    def __init__(self) -> None:
        operator = OperatorFactory.create()
        self.token = token_for(operator)
        image = ImageFactory.create(storage_domain=StorageDomainFactory.create(hosts=[HostFactory.create()]))
        instance = InstanceFactory.create(image=image)
        BootDiskFactory.create(instance=instance)
        rule = RuleFactory.create(group__project=instance.project)
        nic = InterfaceFactory.create(instance=instance, groups=[rule.group]).interface
        floating = FloatingIPFactory.create(project=instance.project, interface=nic)
        answer = {"delivered_to": "", "dropped_at": "ls_out_acl", "acls": {"in": "drop-in"}, "text": ""}
        job = JobFactory.create(target=instance, status="failed", error_code="x", error_texts={"en": "x"})
        JobStepFactory.create(job=job)
        self.ids = {
            "instances": instance.pk,
            "affinity-groups": AffinityGroupFactory.create(project=instance.project).pk,
            "instance-types": InstanceTypeFactory.create(project=instance.project).pk,
            "launch-templates": LaunchTemplateFactory.create(project=instance.project).pk,
            "images": image.pk,
            "storage-domains": image.storage_domain_id,
            "volumes": VolumeFactory.create(project=instance.project, storage_domain=image.storage_domain).pk,
            "filesystems": FileSystemFactory.create(project=instance.project).pk,
            "jobs": job.pk,
            "hosts": instance.host_id,
            "projects": instance.project_id,
            "tokens": operator.tokens.get().pk,
            "external-networks": floating.external_network_id,
            "vpcs": nic.subnet.vpc_id,
            "subnets": nic.subnet_id,
            "interfaces": nic.pk,
            "security-groups": rule.group_id,
            "floating-ips": floating.pk,
            "traces": TraceFactory.create(source=nic, answer=answer).pk,
        }
        self.rule = rule.pk
        self.upload = UploadFactory.create(image__project=instance.project).pk
        self.references = {
            "project": self.ids["projects"],
            "image": self.ids["images"],
            "external_network": self.ids["external-networks"],
            "vpc": self.ids["vpcs"],
            "subnet": self.ids["subnets"],
            "host": self.ids["hosts"],
            "storage_domain": self.ids["storage-domains"],
            "instance": self.ids["instances"],
            "affinity_group": self.ids["affinity-groups"],
            "interface": self.ids["interfaces"],
            "source": self.ids["interfaces"],
        }

    def lead(self, case: Case[Any]) -> None:
        """Let good ids be of something that is there."""
        if is_good(case, ParameterLocation.PATH):
            case.path_parameters["id"] = str(self.ids[case.path.removeprefix(f"{BASE}/").split("/")[0]])
            if "/uploads/" in case.path:
                case.path_parameters["id"] = str(self.upload)
            if "rule_id" in case.path_parameters:
                case.path_parameters["rule_id"] = str(self.rule)
        if is_good(case, ParameterLocation.HEADER) and "/uploads/" in case.path:
            case.headers["Tus-Resumable"] = "1.0.0"
        if is_good(case, ParameterLocation.BODY) and isinstance(case.body, dict):
            for name, pk in self.references.items():
                if isinstance(case.body.get(name), str):
                    case.body[name] = str(pk)


def is_good(case: Case[Any], part: ParameterLocation) -> bool:
    """Whether this part of a request was made to fit the description."""
    made = case.meta.components.get(part) if case.meta else None
    return made is not None and made.mode == GenerationMode.POSITIVE


@pytest.fixture
def rows(db: None) -> Iterator[Rows]:
    """Made once per operation; every request is undone.

    Django closes connections around a request; here the test's transaction is on it, so not (as in Django's client).
    """
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield Rows()
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.slow
@api.parametrize()
@hypothesis_settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
def test_answers_are_as_described(case: Case[Any], rows: Rows) -> None:
    rows.lead(case)
    with transaction.atomic():
        answer = case.call(headers={"Authorization": f"Token {rows.token}", "Accept-Encoding": "identity"})
        transaction.set_rollback(True)
    # A filter that is empty is no filter; and whoever speaks another version of tus is refused, by 412.
    empty = "" in (case.query or {}).values() or answer.status_code == 412
    case.validate_response(answer, excluded_checks=[*NOT_ASKED, *([negative_data_rejection] if empty else [])])


def test_every_denial_code_is_described() -> None:
    """Codes are literals where they are raised; here they are read out of the sources."""
    raised = set()
    for module in modules():
        raised |= {code for name, code in codes_in(module) if name == "Denial"}
    assert raised - set(CODES) == set()
    assert {"busy", "bad_state", "permission_denied", "managed", "quota_exceeded", "primary_interface"} <= raised


def test_every_code_of_a_field_is_described() -> None:
    said = {code for module in modules() for name, code in codes_in(module) if name != "Denial"}
    said |= {code for module in modules() for code in literal_pairs(module, "_objection")}

    assert said - set(FIELD_CODES) == set()
    assert {"overlap", "taken", "reserved", "reversed", "host_bits", "not_supported"} <= said


def test_every_code_is_in_the_documentation() -> None:
    text = Path(settings.BASE_DIR, "docs", "api.md").read_text()

    assert [code for code in {**CODES, **FIELD_CODES} if f"`{code}`" not in text and code != "internal"] == []


# Where the code is among the arguments of what says one.
PLACE = {"Denial": 0, "note": 1, "require": 2, "at": 2, "ErrorDetail": 1, "ValidationError": 1}


def modules() -> Iterator[ast.Module]:
    for package in ("cloudia", "instances", "networking", "storage"):
        for path in Path(settings.BASE_DIR, package).rglob("*.py"):
            yield ast.parse(path.read_text())


def codes_in(module: ast.Module) -> Iterator[tuple[str, str]]:
    """What says a code, and the code, where it is a literal."""
    for call in ast.walk(module):
        name = getattr(call.func, "attr", getattr(call.func, "id", "")) if isinstance(call, ast.Call) else ""
        if not isinstance(call, ast.Call) or name not in PLACE:
            continue
        given = [*call.args[PLACE[name] :][:1], *(word.value for word in call.keywords if word.arg == "code")]
        yield from ((name, str(node.value)) for node in given if isinstance(node, ast.Constant) and node.value)


def literal_pairs(module: ast.Module, function: str) -> Iterator[str]:
    """The codes of a function that returns pairs of a code and a sentence."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            values = [found.value for found in ast.walk(node) if isinstance(found, ast.Return)]
            firsts = [value.elts[0] for value in values if isinstance(value, ast.Tuple)]
            yield from (str(code.value) for code in firsts if isinstance(code, ast.Constant) and code.value)


@pytest.mark.django_db
def test_schema_needs_no_login_and_names_both_ways_to_authenticate(client: Any) -> None:
    schema = client.get(f"{BASE}/schema/?format=json").json()

    assert set(schema["components"]["securitySchemes"]) == {"token", "cookieAuth"}
    start = schema["paths"][f"{BASE}/instances/{{id}}/start/"]["post"]
    assert {"202", "401", "403", "404", "409", "422", "503"} <= set(start["responses"])
    assert "busy" in start["responses"]["409"]["description"]
    assert "Idempotency-Key" in {parameter["name"] for parameter in start["parameters"]}


@pytest.mark.django_db
def test_root_lists_the_resources(operator: APIClient) -> None:
    assert set(operator.get(f"{BASE}/").json()) == {
        "affinity-groups", "external-networks", "filesystems", "floating-ips", "hosts", "images", "images/uploads",
        "instance-types", "instances", "interfaces", "jobs", "launch-templates", "me", "projects", "security-groups",
        "storage-domains", "subnets", "tokens", "traces", "volumes", "vpcs",
    }  # fmt: skip
