"""The shell of pretended containers: grammar, words, streams, state, and others' right to live."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from k8slite.kubelet.runtimes.commands import COMMANDS
from k8slite.kubelet.runtimes.interpreting import is_understood
from k8slite.kubelet.runtimes.shell.arithmetic import value_of
from k8slite.kubelet.runtimes.shell.parser import parsed
from k8slite.kubelet.runtimes.shell.tree import NotShell
from tests.kubelet.test_commands import Ran


@pytest.mark.parametrize(
    ("text", "out", "code"),
    [
        (
            "echo a | cat; echo $?",
            "a\n0\n",
            0,
        ),
        (
            "if [[ -r /data/foo ]] ; then exit 0 ; else touch /data/foo ; exit 1 ; fi",
            "",
            1,
        ),
        (
            "while true; do echo x; sleep 1; [ -e /tmp/n ] && break; touch /tmp/n; done; echo end",
            "x\nx\nend\n",
            0,
        ),
        (
            "for i in 1 2 3; do echo $i; done",
            "1\n2\n3\n",
            0,
        ),
        (
            "case foo in f*) echo yes;; *) echo no;; esac",
            "yes\n",
            0,
        ),
        (
            "i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i",
            "3\n",
            0,
        ),
        (
            "i=0; until [ $i -ge 2 ]; do echo $i; i=$(expr $i + 1); done",
            "0\n1\n",
            0,
        ),
        (
            "! true; echo $?; true && ! false && echo k",
            "1\nk\n",
            0,
        ),
        (
            "while :; do i=$((i+1)); if [ $i = 5000 ]; then break; fi; done; echo $i",
            "5000\n",
            0,
        ),
        (
            'x=a; case "$x" in b|a) echo ab ;; esac; if true; then echo t; else u; fi',
            "ab\nt\n",
            0,
        ),
        (
            "for f in a b; do for g in 1 2; do [ $g = 2 ] && continue 2; echo $f$g; done; done",
            "a1\nb1\n",
            0,
        ),
        (
            'yes=1; [ "$yes" = 1 -a -n "$A" ] && echo both; test ! -e /none && echo none',
            "both\nnone\n",
            0,
        ),
    ],
)
async def test_a_shell_decides_and_repeats(autojump_clock, text, out, code):
    ran = Ran()
    assert (await ran("sh", "-c", text), ran.out.decode()) == (code, out)


@pytest.mark.parametrize(
    ("text", "out", "code"),
    [
        (
            'x=$(echo a; echo b); echo $x; echo "$x"',
            "a b\na\nb\n",
            0,
        ),
        (
            'echo ${A%% *} ${A#one } ${#A} ${Z:-none} ${Z-"q r"}',
            "one two 7 none q r\n",
            0,
        ),
        (
            "set -e; false; echo never",
            "",
            1,
        ),
        (
            "echo \"$(echo \"a b\")\" '$A' \\$A $'x'",
            "a b $A $A $x\n",
            0,
        ),
        (
            'set -- a \'b c\'; for x in "$@"; do echo "[$x]"; done; echo $# $1',
            "[a]\n[b c]\n2 a\n",
            0,
        ),
        (
            "a=1 b=2; echo $a$b; c=3 env | grep c=3",
            "12\nc=3\n",
            0,
        ),
        (
            "echo a;# comment\necho b # more\n",
            "a\nb\n",
            0,
        ),
        (
            'echo `echo x`; echo "a\\"b"; echo a\\\nb',
            'x\na"b\nab\n',
            0,
        ),
        (
            "readonly R=5; echo $R; unset R; echo ${R:-gone}; : ${S:=set}; echo $S",
            "5\ngone\nset\n",
            0,
        ),
        (
            "echo ${UNSET?bad}; echo never",
            "",
            2,
        ),
        (
            "export INDEX_MOD=$((5 % 2)); exit $INDEX_MOD",
            "",
            1,
        ),
        (
            "set -x; expr ${A_INDEX:-3} % 2; export result=$?; exit $((1 - $result))",
            "1\n",
            1,
        ),
    ],
)
async def test_a_shell_makes_words_of_what_stands_there(autojump_clock, text, out, code):
    ran = Ran()
    assert (await ran("sh", "-c", text), ran.out.decode()) == (code, out)


@pytest.mark.parametrize(
    ("text", "out", "code"),
    [
        (
            "cat <<EOF\nhi $A\nEOF\necho done",
            "hi one two\ndone\n",
            0,
        ),
        (
            "cat <<'EOF' | grep hi\nhi $A\nEOF",
            "hi $A\n",
            0,
        ),
        (
            'echo a b c | while read x y; do echo "$y-$x"; done',
            "b c-a\n",
            0,
        ),
        (
            "touch /tmp/a1 /tmp/a2; echo /tmp/a*; ls /tmp",
            "/tmp/a1 /tmp/a2\na1\na2\n",
            0,
        ),
        (
            "printf '%s-%d\\n' a 1 b 2; seq 3 | tail -1; echo hello | tr a-z A-Z | head -c 3",
            "a-1\nb-2\n3\nHEL",
            0,
        ),
        (
            "{ echo out; echo err >&2; } 2>/dev/null | wc -l",
            "1\n",
            0,
        ),
        (
            "echo 1 > /tmp/f; echo 2 >> /tmp/f; while read l; do echo got $l; done < /tmp/f",
            "got 1\ngot 2\n",
            0,
        ),
        (
            "echo ok >/tmp/health; sleep 10; rm -rf /tmp/health; cat /tmp/health",
            "",
            1,
        ),
        (
            "echo hi 1>&2 2>/dev/null; nope; echo $?",
            "127\n",
            0,
        ),
        (
            "echo foo > /tmp/x && mv -v /tmp/x /tmp/y || true; cat /tmp/y; exec sleep 5",
            "renamed '/tmp/x' -> '/tmp/y'\nfoo\n",
            0,
        ),
    ],
)
async def test_a_shell_redirects_and_connects(autojump_clock, text, out, code):
    ran = Ran()
    assert (await ran("sh", "-c", text), ran.out.decode()) == (code, out)


@pytest.mark.parametrize(
    ("text", "out", "code"),
    [
        (
            'f() { echo "in $1"; return 3; }; f x; echo $?',
            "in x\n3\n",
            0,
        ),
        (
            "set -e; if false; then :; fi; false || true; echo ok",
            "ok\n",
            0,
        ),
        (
            "(exit 3); echo $?; ( cd /tmp; pwd ); pwd",
            "3\n/tmp\n/\n",
            0,
        ),
        (
            "trap 'echo bye' EXIT; echo hi; exit 4",
            "hi\nbye\n",
            4,
        ),
        (
            "sleep 100 & wait; echo waited",
            "waited\n",
            0,
        ),
    ],
)
async def test_a_shell_keeps_and_leaves_its_state(autojump_clock, text, out, code):
    ran = Ran()
    assert (await ran("sh", "-c", text), ran.out.decode()) == (code, out)


@pytest.mark.parametrize(
    "text",
    [
        "if true",
        "while true; do",
        "echo $(",
        "echo 'a",
        "a && ",
        "fi",
        "case a in",
        "f() {",
        "a | | b",
    ],
)
def test_what_is_no_shell_is_refused(text):
    with pytest.raises(NotShell):
        parsed(text)


@given(st.text(alphabet="ab $'\"\\\\`(){}[]|&;<>\\n#=*?!-0", max_size=30))
def test_any_text_is_a_shell_or_none(text):
    try:
        parsed(text)
    except NotShell:
        pass


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1 < 2 && 3", 1),
        ("a ? b : 5", 5),
        ("b = 3 + 4", 7),
        ("b += 2", 8),
        ("0x1f", 31),
        ("010", 8),
        ("!4", 0),
    ],
)
def test_arithmetic_is_as_in_c(text, value):
    assert value_of(text, {"a": "0", "b": "6"}) == value


@pytest.mark.parametrize("text", ["1 +", "1 / 0", "(1", "1 2", "1 $"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(NotShell):
        value_of(text, {})


async def test_a_loop_that_never_waits_takes_its_time(autojump_clock):
    ran = Ran()
    began = trio.current_time()
    with trio.move_on_after(60) as scope:
        await ran("sh", "-c", "while true; do :; done")
    assert scope.cancelled_caught and trio.current_time() - began == 60


async def test_what_calls_itself_without_end_is_stopped(autojump_clock):
    ran = Ran()
    assert await ran("sh", "-c", "f() { f; }; f") == 2
    assert ran.err == b"sh: too deep\n"


@pytest.mark.parametrize(
    ("command", "known"),
    [
        (("sleep", "5"), True),
        (("/bin/sh", "-c", "echo hi && exec sleep 5"), True),
        (("sh", "-c", 'f() { echo "$1"; }; f $(date) | tail -1'), True),
        (("sh", "-c", "sh -c 'echo inner'"), True),
        (("sh", "-c", "echo hi; nginx -g 'daemon off;'"), True),
        (("sh", "-c", "exec java -jar app.jar"), False),
        (("sh", "-c", "sh -c 'java'"), False),
        (("sh", "-c", "$COMMAND"), False),
        (("sh", "-c", "echo 'open"), False),
        (("sh",), False),
        (("java",), False),
        ((), False),
    ],
)
def test_a_command_is_understood_if_all_of_it_is(command, known):
    assert is_understood(command) is known


def test_all_commands_are_named_by_their_charter():
    from k8slite.kubelet.runtimes import commands

    words = (commands.__doc__ or "").replace(",", " ").replace("(or", " ").replace(")", " ").split()
    assert sorted(set(COMMANDS) - set(words)) == []
