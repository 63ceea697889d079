"""AuthenticationConfiguration: what may be in the file, and upstream's words for what may not."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.apiserver.authentication.anonymous import Anonymous
from k8slite.apiserver.authentication.configuration import read_configuration
from tests.apiserver.oracle_server import Json
from tests.apiserver.test_issued_tokens import configuration

ISSUER: Json = {"url": "https://issuer.example.com", "audiences": ["me"]}
USERNAME: Json = {"username": {"claim": "sub", "prefix": ""}}


def complaint(document: Any) -> str:
    with pytest.raises(ValueError) as caught:
        read_configuration(document, ["https://ours"])
    return str(caught.value)


@pytest.mark.parametrize(
    ("issuer", "told"),
    [
        ({}, "[jwt[0].issuer.url: Required value, jwt[0].issuer.audiences: Required value: at"),
        (
            {**ISSUER, "url": "http://e.com"},
            'Invalid value: "http://e.com": URL scheme must be htt',
        ),
        ({**ISSUER, "url": "https://a:b@e.com"}, "URL must not contain a username or password"),
        ({**ISSUER, "url": "https://e.com?a=b"}, "URL must not contain a query"),
        ({**ISSUER, "url": "https://e.com#a"}, "URL must not contain a fragment"),
        (
            {**ISSUER, "url": "https://ours"},
            "must not overlap with disallowed issuers: [https://ou",
        ),
        (
            {**ISSUER, "discoveryURL": "https://issuer.example.com/"},
            "jwt[0].issuer.discoveryURL: Invalid value: "
            '"https://issuer.example.com/": discoveryURL must be different from URL',
        ),
        (
            {**ISSUER, "audiences": ["a", "a", ""]},
            'jwt[0].issuer.audiences[1]: Duplicate value: "a"',
        ),
        (
            {**ISSUER, "audiences": ["a", "b"]},
            "audienceMatchPolicy must be MatchAny for multiple au",
        ),
        (
            {**ISSUER, "audienceMatchPolicy": "All"},
            "audienceMatchPolicy must be empty or MatchAny for single audience",
        ),
        (
            {**ISSUER, "certificateAuthority": "x"},
            'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain',
        ),
        (
            {**ISSUER, "egressSelectorType": "moon"},
            "egress selector must be either controlplane or",
        ),
    ],
)
def test_issuers_that_cannot_be(issuer: Json, told: str) -> None:
    assert told in complaint(configuration(issuer=issuer))


@pytest.mark.parametrize(
    ("jwt", "told"),
    [
        (
            {"claimMappings": {}},
            "jwt[0].claimMappings.username: Required value: claim or expression is required",
        ),
        (
            {"claimMappings": {"username": {"claim": "sub"}}},
            "jwt[0].claimMappings.username.prefix: Required value: prefix is required when "
            "claim is set. It can be set to an empty string to disable prefixing",
        ),
        (
            {"claimMappings": {"username": {"claim": "a", "expression": "b"}}},
            'jwt[0].claimMappings.username: Invalid value: "": claim and expression can\'t both be',
        ),
        (
            {"claimMappings": {"username": {"expression": "claims.sub", "prefix": "x"}}},
            'username.prefix: Invalid value: "x": may not be specified when expression is set',
        ),
        (
            {"claimMappings": {"username": {"expression": "claims.("}}},
            'username.expression: Invalid value: "claims.(": compilation failed: ERROR: <input>:1:',
        ),
        (
            {"claimMappings": {"username": {"expression": "user.name"}}},
            "undeclared reference to 'user'",
        ),
        (
            {"claimMappings": {"username": {"expression": "claims.email"}}},
            "claims.email_verified must be used in claimMappings.username.expression or",
        ),
        (
            {"claimMappings": {"username": {"expression": "claims.?email.orValue('')"}}},
            "claims.email_verified must be used",
        ),
        (
            {"claimMappings": {**USERNAME, "uid": {"claim": "a", "expression": "b"}}},
            'jwt[0].claimMappings.uid: Invalid value: "": claim and expression can\'t both be set',
        ),
        (
            {"claimMappings": {**USERNAME, "extra": [{"key": "a", "valueExpression": "'b'"}]}},
            'jwt[0].claimMappings.extra[0].key: Invalid value: "a": must be a domain-prefixed path',
        ),
        (
            {"claimMappings": {**USERNAME, "extra": [{"key": "x.k8s.io/a"}]}},
            "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use",
        ),
        (
            {"claimMappings": {**USERNAME, "extra": [{"key": "e.com/A"}]}},
            'Invalid value: "e.com/A": must be lowercase',
        ),
        ({"claimValidationRules": [{}]}, "claimValidationRules[0]: Required value: claim or expre"),
        (
            {"claimValidationRules": [{"claim": "a", "message": "m"}]},
            'claimValidationRules[0].message: Invalid value: "m": may not be specified when claim',
        ),
        (
            {"claimValidationRules": [{"expression": "true", "requiredValue": "v"}]},
            'requiredValue: Invalid value: "v": may not be specified when expression is set',
        ),
        (
            {"claimValidationRules": [{"claim": "a"}, {"claim": "a"}]},
            'claimValidationRules[1].claim: Duplicate value: "a"',
        ),
        ({"claimValidationRules": [{"expression": "claims.a"}]}, "must evaluate to bool"),
        ({"userValidationRules": [{}]}, "jwt[0].userValidationRules[0].expression: Required value"),
        (
            {"userValidationRules": [{"expression": "user.unknown == ''"}]},
            "undefined field 'unknown'",
        ),
        ({"claimMapping": {}}, 'strict decoding error: unknown field "jwt[0].claimMapping"'),
        ({"issuer": {"url": 5}}, "strict decoding error: jwt[0].issuer.url must be of type str"),
    ],
)
def test_rules_that_cannot_be(jwt: Json, told: str) -> None:
    assert told in complaint(configuration(**jwt))


def test_emails_that_are_looked_at() -> None:
    rules = [{"expression": "claims.?email_verified.orValue(true)", "message": "no"}]
    expression = "'e:' + claims.email"
    mappings = {"username": {"expression": expression}}
    document = configuration(claimMappings=mappings, claimValidationRules=rules)
    rules[0]["expression"] = "claims.?email_verified.orValue(true) == true"
    assert read_configuration(document).issuers[0].rules.claim_rules[0].message == "no"


def test_issuers_come_once() -> None:
    document = configuration()
    document["jwt"] *= 2
    told = 'jwt[1].issuer.url: Duplicate value: "https://issuer.example.com"'
    assert complaint(document) == told
    document["jwt"] *= 40
    assert complaint(document) == "jwt: Too many: 80: must have at most 64 items"


def test_whoever_is_nobody() -> None:
    document = configuration()
    assert read_configuration(document).anonymous is None
    document["anonymous"] = {"enabled": True, "conditions": [{"path": "/livez"}]}
    anonymous = read_configuration(document).anonymous
    assert anonymous == Anonymous(True, ("/livez",))
    assert anonymous.may_ask("/livez") and not anonymous.may_ask("/livez/")
    document["anonymous"]["enabled"] = False
    assert "enabled should be set to true when conditions are defined" in complaint(document)
    document["anonymous"] = {}
    anonymous = read_configuration(document).anonymous
    assert anonymous is not None and not anonymous.may_ask("/")


@pytest.mark.parametrize("document", [None, [], {}, {"kind": "AuthenticationConfiguration"}])
def test_other_documents(document: Any) -> None:
    told = "it is not a AuthenticationConfiguration of apiserver.config.k8s.io/v1"
    assert complaint(document) == told.replace("a Auth", "an Auth")
