"""Expressions in CEL: what Kubernetes' own documentation writes, types, costs, what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from k8slite.objects.cel.depth import room
from k8slite.objects.cel.environment import (
    Environment,
    Expression,
    Failed,
    TooCostly,
    Uncompilable,
)
from k8slite.objects.cel.estimate import worst_cost
from k8slite.objects.cel.frame import Frame
from k8slite.objects.cel.types import DYN, INT, STRING, Type, list_of, map_of

FREE = Environment({"self": DYN})
SPEC = Type(
    "selfType.spec",
    fields={"replicas": INT, "name": STRING, "labels": map_of(STRING, STRING)},
)
TYPED = Environment(
    {
        "self": Type("selfType", fields={"spec": SPEC, "names": list_of(STRING)}),
        "authorizer": Type("kubernetes.authorization.Authorizer"),
    }
)


def value(text: str, self: Any = None) -> Any:
    return FREE.compile(text).evaluate({"self": self})


@pytest.mark.parametrize(
    ("text", "self"),
    [
        # The table of rules in the documentation of custom resources.
        (
            "self.minReplicas <= self.replicas && self.replicas <= self.maxReplicas",
            {"minReplicas": 1, "replicas": 2, "maxReplicas": 3},
        ),
        ("'Available' in self.stateCounts", {"stateCounts": {"Available": 1}}),
        ("(size(self.list1) == 0) != (size(self.list2) == 0)", {"list1": [], "list2": [1]}),
        (
            "!('MY_KEY' in self.map1) || self['map1']['MY_KEY'].matches('^[a-zA-Z]*$')",
            {"map1": {"MY_KEY": "abc"}},
        ),
        (
            "self.envars.filter(e, e.name == 'MY_ENV').all(e, e.value.matches('^[a-zA-Z]*$'))",
            {"envars": [{"name": "MY_ENV", "value": "x"}, {"name": "O", "value": "1"}]},
        ),
        ("!has(self.expired) || self.created + self.ttl < self.expired", {}),
        ("self.health.startsWith('ok')", {"health": "ok!"}),
        (
            "self.widgets.exists(w, w.key == 'x' && w.foo < 10)",
            {"widgets": [{"key": "x", "foo": 9}]},
        ),
        ("type(self) == string ? self == '99%' : self == 42", "99%"),
        (
            "self.metadata.name == 'singleton' && self.metadata.name.startsWith('s')",
            {"metadata": {"name": "singleton"}},
        ),
        ("self.set1.all(e, !(e in self.set2))", {"set1": ["a"], "set2": ["b"]}),
        (
            "size(self.names) == size(self.details) && "
            "self.names.all(n, n in self.details)",
            {"names": ["a"], "details": {"a": {}}},
        ),
        ("size(self.clusters.filter(c, c.name == self.primary)) == 1",
         {"clusters": [{"name": "a"}, {"name": "b"}], "primary": "a"}),
        # Macros.
        ("self.all(x, x in [1, 2]) && self.exists_one(x, x == 1)", [1, 2]),
        ("self.map(x, x * 2).filter(x, x > 2) == [4]", [1, 2]),
        ("self.map(x, x > 1, x * 2) == [4]", [1, 2]),
        ("self.all(i, v, v > i) && self.exists(i, v, i == 1 && v == 2)", [1, 2]),
        ("self.exists_one(k, v, v == 'b') && self.existsOne(k, v, k == 'x')", {"x": "b", "y": "c"}),
        ("self.transformList(i, v, i * v) == [0, 2] && self.transformList(i, v, i > 0, v) == [2]",
         [1, 2]),
        ("self.transformMap(k, v, k + v) == {'a': 'ab'}", {"a": "b"}),
        ("self.transformMap(k, v, v != 'b', v) == {'c': 'd'}", {"a": "b", "c": "d"}),
        ("self.transformMapEntry(i, v, {v: i}) == {'a': 0, 'b': 1}", ["a", "b"]),
        # Optional values.
        ("self.?missing.orValue('d') == 'd' && self[?'a'].value() == 1", {"a": 1}),
        ("self.?a.?b.optMap(x, x + 1).orValue(0) == 3 && !self.?a.?c.hasValue()", {"a": {"b": 2}}),
        ("[?self.?a, ?self.?b] == [1] && {?'k': self.?b} == {}", {"a": 1}),
        ("optional.ofNonZeroValue('') == optional.none() && optional.of(1).or(optional.of(2)) "
         "== optional.of(1)", None),
        # Texts.
        ("self.startsWith('a') && self.matches('^a+$')", "aaa"),
        ("self.split('.').size() == 3 && self.lowerAscii() == 'a.b.c'", "A.B.C"),
        ("'%s-%d'.format([self, 3]) == 'x-3'", "x"),
        ("'%s %.2f %x %b'.format([dyn(self), 1.5, 255, 5]) == '[a, 1] 1.50 ff 101'", ["a", 1]),
        ("size(self) == 3 && self.charAt(1) == 'é' && self.substring(1, 2) == 'é'", "hét"),
        ("self.indexOf('l') == 2 && self.lastIndexOf('l') == 3 && self.indexOf('l', 3) == 3",
         "hello"),
        ("self.replace('l', 'L', 1) == 'heLlo' && ['a', 'b'].join('-') == 'a-b'", "hello"),
        ("self.trim().upperAscii() == 'A' && strings.quote('a\\n') == '\"a\\\\n\"'", " a "),
        ("self.find('[0-9]+') == '12' && self.findAll('[a-z]') == ['a', 'b']", "a12b"),
        ("self.findAll('[0-9]+', 1) == ['123'] && self.find('^$') == ''", "123 abc 456"),
        # Lists and sets.
        ("self.isSorted() && self.sum() == 6 && self.max() == 3 && self.min() == 1", [1, 2, 3]),
        ("self.indexOf(2) == 1 && self.lastIndexOf(2) == 2 && self.indexOf(9) == -1", [1, 2, 2]),
        ("[duration('1m'), duration('1s')].max() == duration('60s') && [1.5, 2.5].sum() == 4.0",
         None),
        ("sets.contains(self, ['a']) && sets.equivalent(self, ['b', 'a'])", ["a", "b"]),
        ("sets.intersects(self, ['b', 'c']) && !sets.intersects(self, ['c'])", ["a", "b"]),
        # URLs.
        ("isURL(self) && url(self).getHost() == 'e.com:80'", "https://e.com:80/p?a=b"),
        ("url(self).getQuery()['a'] == ['b'] && url(self).getPort() == '80'", "http://e:80/?a=b"),
        ("!isURL('https://a:b:c/') && !isURL('../relative-path') && isURL('/absolute-path')", None),
        ("url('https://[::1]:80/').getHost() == '[::1]:80' && "
         "url('https://[::1]:80/').getHostname() == '::1'", None),
        ("url('https://e.com/with space/').getEscapedPath() == '/with%20space/' && "
         "url('/path').getScheme() == ''", None),
        ("url('https://e.com/p?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']}",
         None),
        # Quantities.
        ("quantity(self).isGreaterThan(quantity('900m')) && isQuantity('1Gi')", "1"),
        ("quantity('1') == quantity('1000m') && quantity(self).add(1).asInteger() == 2", "1"),
        ("quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')", None),
        ("quantity('200M').compareTo(quantity('0.2G')) == 0 && quantity('-1').sign() == -1", None),
        ("!quantity('9999999999999999999999999999999999999G').isInteger()", None),
        ("!isQuantity('x') && !isIP('1.2.3') && !isCIDR('1.2.3.4') && !isSemver('1')", None),
        # Addresses.
        ("ip(self).family() == 4 && ip(self).isLoopback()", "127.0.0.1"),
        ("ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')", None),
        ("ip('169.254.169.254').isLinkLocalUnicast() && ip('224.0.0.1').isLinkLocalMulticast()",
         None),
        ("!ip('255.255.255.255').isGlobalUnicast() && ip('::').isUnspecified()", None),
        ("cidr(self).containsIP('10.1.2.3') && cidr(self).prefixLength() == 8", "10.0.0.0/8"),
        ("cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && "
         "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24')", None),
        ("string(ip('::1')) == '::1' && cidr('192.168.0.1/24').ip() == ip('192.168.0.1')", None),
        # Versions.
        ("semver(self).isLessThan(semver('1.10.0')) && semver(self).minor() == 2", "1.2.0-rc.1"),
        ("semver('v1.0', true) == semver('1.0.0') && isSemver('01.01.01', true)", None),
        # Named formats.
        ("!format.dns1123Label().validate(self).hasValue()", "abc"),
        ("format.named('dns1123Label').value().validate(self).hasValue()", "A_b"),
        ("!format.named('nothing').hasValue() && !format.uuid().validate(self).hasValue()",
         "123e4567-e89b-12d3-a456-426614174000"),
        ("jsonpatch.escapeKey('k8s.io/my~label') == 'k8s.io~1my~0label'", None),
        # Times.
        ("timestamp(self).getFullYear() == 2026 && duration('1h') > duration('59m')",
         "2026-01-01T00:00:00Z"),
        ("timestamp(self) + duration('24h') == timestamp('2026-01-02T01:00:00+01:00')",
         "2026-01-01T00:00:00Z"),
        ("timestamp(self).getHours('+01:30') == 1 && timestamp(self).getDayOfWeek() == 4 && "
         "duration('90s').getMinutes() == 1 && string(duration('1.5s')) == '1.5s'",
         "2026-01-01T00:00:00Z"),
        # Numbers.
        ("type(self) == int && self == 9007199254740993", 9007199254740993),
        ("self / 2 == -3 && self % 4 == -3 && double(self) / 2.0 == -3.5 && 7u / 2u == 3u", -7),
        ("int('12') + int(2.9) == 14 && uint(3) == 3u && string(1.0) == '1' && bool('true')", None),
        ("1 < 2.5 && 3u > 2 && dyn(1) == 1.0 && b'ab' + b'c' == bytes('abc')", None),
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
        (
            "self.spec.replica > 0",
            "ERROR: <input>:1:10: undefined field 'replica'\n | self.spec.replica > 0\n"
            " | .........^",
        ),
        (
            "self.spec.replicas.x == 1 &&\n  self.nothing",
            "ERROR: <input>:1:19: type 'int' does not support field selection\n"
            " | self.spec.replicas.x == 1 &&\n | ..................^\n"
            "ERROR: <input>:2:7: undefined field 'nothing'\n |   self.nothing\n | ......^",
        ),
        (
            "self.names.all(n, n > 1)",
            "ERROR: <input>:1:21: found no matching overload for '_>_' applied to '(string, int)'\n"
            " | self.names.all(n, n > 1)\n | ....................^",
        ),
        (
            "self.spec.all(n, true)",
            "ERROR: <input>:1:5: expression of type 'selfType.spec' cannot be range of a "
            "comprehension (must be list, map, or dynamic)\n | self.spec.all(n, true)\n | ....^",
        ),
        (
            "self.spec.name.startsWith(1)",
            "ERROR: <input>:1:26: found no matching overload for 'startsWith' applied to "
            "'string.(int)'\n | self.spec.name.startsWith(1)\n | .........................^",
        ),
        (
            "nothing(1)",
            "ERROR: <input>:1:8: undeclared reference to 'nothing' (in container '')\n"
            " | nothing(1)\n | .......^",
        ),
        (
            "[1, 'a']",
            "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^",
        ),
        (
            "has(self)",
            "ERROR: <input>:1:5: invalid argument to has() macro\n | has(self)\n | ....^",
        ),
        (
            "'a'.matches('[')",
            "ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('[')\n | ............^",
        ),
        (
            "authorizer.path('/').check(1).allowed()",
            "ERROR: <input>:1:27: found no matching overload for 'check' applied to "
            "'kubernetes.authorization.PathCheck.(int)'\n"
            " | authorizer.path('/').check(1).allowed()\n | ..........................^",
        ),
        (
            "cel.bind(a, 1, a)",
            "ERROR: <input>:1:1: undeclared reference to 'cel' (in container '')\n"
            " | cel.bind(a, 1, a)\n | ^\n"
            "ERROR: <input>:1:9: undeclared reference to 'bind' (in container '')\n"
            " | cel.bind(a, 1, a)\n | ........^\n"
            "ERROR: <input>:1:10: undeclared reference to 'a' (in container '')\n"
            " | cel.bind(a, 1, a)\n | .........^\n"
            "ERROR: <input>:1:16: undeclared reference to 'a' (in container '')\n"
            " | cel.bind(a, 1, a)\n | ...............^",
        ),
    ],
)
def test_what_cannot_be_compiled(text: str, said: str) -> None:
    with pytest.raises(Uncompilable) as error:
        TYPED.compile(text)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("self.names.map(n, size(n))", "list(int)"),
        ("self.spec.?name", "optional_type(string)"),
        ("self.spec.?name.orValue('x')", "string"),
        ("self.names.transformMap(i, n, n)", "map(int, string)"),
        ("self.spec.labels.transformList(k, v, v)", "list(string)"),
        ("self.names.exists(n, n == 'a') ? 1u : 2u", "uint"),
        ("{'a': [timestamp('2026-01-01T00:00:00Z')]}", "map(string, list(timestamp))"),
        ("[]", "list(dyn)"),
        ("type(self.spec.replicas)", "type(int)"),
        ("authorizer.group('').resource('pods').check('get')", "kubernetes.authorization.Decision"),
    ],
)
def test_types(text: str, type_: str) -> None:
    assert str(TYPED.compile(text).type) == type_


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("self.x", "no such key: x"),
        ("self.n > 'a'", "no such overload"),
        ("quantity('x').sign() == 0", "quantities must match"),
        ("self.n / 0 == 1", "division by zero"),
        ("self.n + 9223372036854775807 > 0", "integer overflow"),
        ("self.l[300] == 1", "index out of bounds: 300"),
        ("optional.none().value() == 1", "optional.none() dereference"),
        ("[1][dyn('a')] == 1", "no such overload"),
        ("timestamp(string(self.n)).getHours() == 1", "invalid timestamp"),
        ("'a'.substring(2) == ''", "index out of range: 2"),
        ("'%d'.format(['a']) == ''", "decimal clause can only be used on integers"),
        ("{'a': 1, 'a': 2}.a == 1", "Failed with repeated key: a"),
        ("ip('1.2.3.4.5').family() == 4", "parse error during conversion from string"),
    ],
)
def test_what_cannot_be_evaluated(text: str, said: str) -> None:
    with pytest.raises(Failed) as error:
        value(text, {"n": 1, "l": list(range(300))})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1 / self == 1 || true", True),
        ("false && 1 / self == 1", False),
        ("[0, 1].exists(x, 1 / x == 1)", True),
        ("[0, 2].all(x, 1 / x == 1)", False),
        ("has(dyn({}).a) || dyn({}).a == 1 || self == 0", True),
    ],
)
def test_what_decides_without_the_other_side(text: str, result: bool) -> None:
    assert value(text, 0) is result


def test_costs_are_counted_and_bounded() -> None:
    def cost(text: str, self: Any) -> int:
        frame = Frame({"self": self}, 1_000_000)
        FREE.compile(text).evaluate_in(frame)
        return frame.cost

    assert cost("self.a <= self.b", {"a": 1, "b": 2}) == 5
    assert cost("self.contains('x')", "y" * 1000) == 1 + 100 * 1
    assert cost("self.matches('abcd')", "y" * 99) == 1 + 10 * 1
    with pytest.raises(TooCostly, match="actual cost limit exceeded"):
        value("self.all(x, self.all(y, self.all(z, x + y + z >= 0)))", list(range(300)))
    with pytest.raises(TooCostly):
        value("self.map(x, self.map(y, x + y)).size() == 0", ["a" * 1000] * 1000)


BIG: dict[str, Any] = {
    "empty": [""] * 50_000,
    "deep": [["x"] * 1000] * 50,
    "n": list(range(20_000)),
    "s": "a" * 300_000,
}


@pytest.mark.parametrize(
    "text",
    [
        "self.n.all(x, self.empty.isSorted())",
        "self.n.all(x, self.s.findAll('').size() > 0)",
        "self.n.all(x, self.deep == self.deep)",
        "self.n.all(x, !(['y'] in self.deep))",
        "self.n.all(x, size(self.empty + self.empty) > 0)",
        "sets.contains(self.empty, self.empty)",
        "self.n.transformMap(i, v, v).size() > 0 && self.n.transformMap(i, v, v).size() > 0",
        "self.n.all(x, self.s.matches('(a*)*b') || true)",
        "self.n.map(x, self.n.map(y, y)).size() > 0",
        "self.n.all(x, string(self.s + self.s).size() > 0)",
        "self.n.all(x, '%s'.format([self.deep]).size() > 0)",
        "self.n.all(x, self.n.sum() > 0)",
        "self.n.all(x, self.s.split('').size() > 0)",
    ],
)
def test_nothing_goes_on_for_ever(text: str) -> None:
    with pytest.raises(TooCostly):
        value(text, BIG)


def test_long_texts_are_compiled_in_time() -> None:
    assert value("&&".join(["1==1"] * 10_000)) is True


def test_texts_do_not_grow_without_end() -> None:
    for text in ("self.replace('', self)", "[self, self].join(self + self)"):
        with pytest.raises(Failed):
            value(text, "a" * 5_000_000)


def within(opening: str, inner: str, closing: str, levels: int) -> str:
    return opening * levels + inner + closing * levels


@pytest.mark.parametrize(
    ("make", "levels"),
    [
        (lambda n: within("(", "1", ")", n - 1), 250),
        (lambda n: within("[", "1", "]", n - 1), 250),
        (lambda n: within("size([", "1", "])", n) + " == 1", 124),
        (lambda n: within("(self + ", "self", ")", n) + " > 0", 249),
        (lambda n: "self" + " + self" * n, 250),
        (lambda n: "true" + " == true" * n, 250),
        (lambda n: "{}" + ".?a" * n, 250),
        (lambda n: "true ? " * n + "1" + " : 2" * n, 1),
        (lambda n: "false ? 1 : " * n + "2", 249),
        (lambda n: within("self == 1 ? (", "self", ") : 0", n), 249),
        (lambda n: within("[1].all(x, ", "true", ")", n), 249),
        (lambda n: within("[1].map(x, ", "x", ")", n), 124),
        (lambda n: within("!(", "true", ")", n), 249),
    ],
)
def test_expressions_are_as_deep_as_upstream_reads_them(
    make: Callable[[int], str], levels: int
) -> None:
    before = sys.getrecursionlimit()
    expression = FREE.compile(make(levels))
    assert expression.evaluate({"self": 1}) is not None
    assert worst_cost(expression.checked) >= 0
    if levels > 200:
        with pytest.raises(Uncompilable, match="expression recursion limit exceeded: 250"):
            FREE.compile(make(levels + 1))
    assert sys.getrecursionlimit() == before


def test_who_leaves_first_takes_no_room_from_others() -> None:
    before = sys.getrecursionlimit()
    first, second = room(), room()
    first.__enter__()
    wide = sys.getrecursionlimit()
    second.__enter__()
    first.__exit__(None, None, None)
    assert sys.getrecursionlimit() == wide > before
    second.__exit__(None, None, None)
    assert sys.getrecursionlimit() == before


def test_chains_of_and_are_not_deep() -> None:
    assert value(" && ".join(["self"] * 3000), True) is True


def test_what_is_deep_and_wrong_is_told() -> None:
    for text in ("(" * 5000 + "1" + ")" * 5000, "1+" * 400, "[" * 5000):
        with pytest.raises(Uncompilable, match="ERROR"):
            FREE.compile(text)


def test_an_environment_keeps_what_it_has_compiled() -> None:
    first: Expression = FREE.compile("self == 1")
    assert FREE.compile("self == 1") is first
    assert first.names("self") and not first.names("oldSelf")
