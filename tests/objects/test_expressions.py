"""Expressions in CEL: what Kubernetes' own documentation and tests write, and what goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from k8slite.objects.expressions import Failed, Uncompilable, compile_expression


def value(text: str, self: Any = None) -> Any:
    return compile_expression(text, ("self",)).evaluate({"self": self})


@pytest.mark.parametrize(
    ("text", "self"),
    [
        ("self.minReplicas <= self.replicas", {"minReplicas": 1, "replicas": 2}),
        ("!has(self.expired) || self.created + self.ttl < self.expired", {}),
        ("self.all(x, x in [1, 2]) && self.exists_one(x, x == 1)", [1, 2]),
        ("self.map(x, x * 2).filter(x, x > 2) == [4]", [1, 2]),
        ("self.?missing.orValue('d') == 'd'", {}),
        ("self.startsWith('a') && self.matches('^a+$')", "aaa"),
        ("self.split('.').size() == 3 && self.lowerAscii() == 'a.b.c'", "A.B.C"),
        ("'%s-%d'.format([self, 3]) == 'x-3'", "x"),
        ("size(self) == 3", "héé"),
        ("type(self) == int && self == 9007199254740993", 9007199254740993),
        ("self.isSorted() && self.sum() == 6 && self.max() == 3", [1, 2, 3]),
        ("sets.contains(self, ['a']) && sets.equivalent(self, ['b', 'a'])", ["a", "b"]),
        ("self.find('[0-9]+') == '12' && self.findAll('[a-z]') == ['a', 'b']", "a12b"),
        ("isURL(self) && url(self).getHost() == 'e.com:80'", "https://e.com:80/p?a=b"),
        ("url(self).getQuery()['a'] == ['b'] && url(self).getPort() == '80'", "http://e:80/?a=b"),
        ("quantity(self).isGreaterThan(quantity('900m')) && isQuantity('1Gi')", "1"),
        ("quantity('1') == quantity('1000m') && quantity(self).add(1).asInteger() == 2", "1"),
        ("!isQuantity('x') && !isIP('1.2.3') && !isCIDR('1.2.3.4') && !isSemver('1')", None),
        ("ip(self).family() == 4 && ip(self).isLoopback()", "127.0.0.1"),
        ("cidr(self).containsIP('10.1.2.3') && cidr(self).prefixLength() == 8", "10.0.0.0/8"),
        ("semver(self).isLessThan(semver('1.10.0')) && semver(self).minor() == 2", "1.2.0-rc.1"),
        ("format.dns1123Label().validate(self).size() == 0", "abc"),
        ("math.greatest(self, 3) == 3 && base64.decode('aGk=') == b'hi'", 2),
        ("timestamp(self).getFullYear() == 2026 && duration('1h') > duration('59m')",
         "2026-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_what_is_true(text: str, self: Any) -> None:
    assert value(text, self) is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "object.foo +",
            "ERROR: <input>:1:13: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', "
            "'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, "
            "IDENTIFIER}\n | object.foo +\n | ............^",
        ),
        (
            "1 + 'a'",
            "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n"
            " | 1 + 'a'\n | ..^",
        ),
        (
            "slef",
            "ERROR: <input>:1:1: undeclared reference to 'slef' (in container '')\n | slef\n | ^",
        ),
    ],
)
def test_what_cannot_be_compiled(text: str, said: str) -> None:
    with pytest.raises(Uncompilable) as error:
        compile_expression(text, ("self",))
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("self.x", "no such key: x"),
        ("self.n > 'a'", "no such overload"),
        ("quantity('x').sign() == 0", "quantities must match"),
        ("self.l.all(x, self.l.all(y, x < 1000))", "cost limit exceeded"),
    ],
)
def test_what_cannot_be_evaluated(text: str, said: str) -> None:
    with pytest.raises(Failed) as error:
        value(text, {"n": 1, "l": list(range(300))})
    assert said in str(error.value)
