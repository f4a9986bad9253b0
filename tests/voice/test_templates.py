"""Chat templates: golden ids in the shapes of the field, and programs that mean harm stopped within a second and 50 MB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_golden import CASES, END, GOLDEN, HOSTILE, LOOP, PARTS, rendered, tokenizer  # noqa: E402

from adtune.errors import BaseModelError  # noqa: E402
from adtune.records import Brief  # noqa: E402
from adtune.voice import templates  # noqa: E402
from adtune.voice.prompt import Renderer, brief_text  # noqa: E402
from adtune.voice.templates import ChatTemplate, TemplateRefusal, chat_template, template_of  # noqa: E402

SHAPES = sorted(PARTS)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_brief_renders_to_its_golden_ids(shape):
    assert json.loads((GOLDEN / f"{shape}.json").read_text(encoding="utf-8")) == rendered(shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_golden_ids_end_in_the_turn_terminator_and_begin_once(shape):
    golden, made = json.loads((GOLDEN / f"{shape}.json").read_text(encoding="utf-8")), tokenizer(shape)
    assert made.convert_ids_to_tokens(golden["end"]) == [END[shape]] and golden["thinking"] == ("off" if shape == "qwen3" else None)
    for case, (example, _) in zip(golden["cases"], CASES, strict=True):
        assert bytes(case["targets"][:-1]).decode() == example.text and case["targets"][-1:] == golden["end"]
        if made.bos_token_id is not None:
            assert [n for n, token in enumerate(case["prompt"]) if token == made.bos_token_id] == [0]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_library_renders_the_same_ids(shape):
    made = tokenizer(shape)
    for example, context in CASES[:1] if shape in ("gemma", "mistral") else CASES[:3:2]:
        messages = [{"role": "system", "content": context.guide}] * bool(context.guide)
        messages += [{"role": "user", "content": brief_text(example.brief)}]
        theirs = made.apply_chat_template(messages, add_generation_prompt=True, enable_thinking=False, return_dict=False)
        if shape == "llama3" and context.guide:  # the library writes today's date, and other ids every day
            continue
        assert Renderer(made).brief(example.brief, context) == theirs


def test_text_of_a_control_token_is_no_control_token():
    for shape in SHAPES:
        prompt, targets = Renderer(tokenizer(shape)).example(HOSTILE)
        assert [token for token in targets if token > 255] == Renderer(tokenizer(shape)).end
        assert [token for token in prompt if token > 255] == [t for t in Renderer(tokenizer(shape)).brief(Brief("x")) if t > 255]


def test_a_template_that_always_opens_a_thought_gets_it_closed():
    one = renderer_of(PARTS["chatml"][0].replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}"), "qwen3")
    assert one.tokenizer.decode(one.brief(Brief("Now"))).endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert one.thinking == "closed"


def renderer_of(template, shape="chatml"):
    made = tokenizer.__wrapped__(shape)
    made.chat_template = template
    return Renderer(made)


def test_what_a_record_keeps_changes_with_template_and_tokenizer():
    one, other = Renderer(tokenizer("chatml")).describe(), renderer_of(PARTS["chatml"][0] + " ").describe()
    assert one["end_of_turn"] == "<|im_end|>" and len(one["golden"]) == 64 and one["chat_template"] != other["chat_template"]
    assert Renderer(tokenizer("mistral")).describe()["golden"] != one["golden"]
    plain = renderer_of(None).describe()
    assert plain["chat_template"] is None and plain["thinking"] is None and plain["golden"] != one["golden"]


def test_named_templates_mean_the_default_one():
    assert renderer_of({"default": PARTS["chatml"][0], "tool_use": "{% for %}"}).end == Renderer(tokenizer("chatml")).end
    for wrong in ({"tool_use": "x"}, "x" * (templates.LONGEST + 1), {"default": 3}):
        with pytest.raises(BaseModelError):
            renderer_of(wrong)


def test_a_generation_block_is_its_content():
    marked = PARTS["chatml"][0].replace("{{ message.content }}", "{% generation %}{{ message.content }}{% endgeneration %}")
    assert renderer_of(marked).brief(Brief("Now")) == Renderer(tokenizer("chatml")).brief(Brief("Now"))


def test_a_template_is_rendered_once_for_all_briefs(monkeypatch):
    one = renderer_of(PARTS["chatml"][0] + "{# once #}")
    monkeypatch.setattr(templates.subprocess, "run", lambda *a, **k: pytest.fail("rendered again"))
    assert len({tuple(one.brief(Brief(f"Piece {n}"))) for n in range(50)}) == 50
    assert chat_template(one.tokenizer) is one.template


BIG = "{% set r = range(90000) %}"
# what runs for ever, takes all memory, or walks to what a sandbox must not show
ENDLESS = [
    BIG + "{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% endfor %}{% endfor %}",
    BIG + "{% for a in r %}{{ r | sum }}{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    BIG + "{{ r | list | sort | unique | list | length }}{% for a in r %}{{ r | sort }}{% endfor %}",
    "{{ 9 ** (9 ** 9) }}", "{{ 'a' * 10 ** 10 }}", "{{ [0] * 10 ** 10 }}", "{{ '%1000000000d' % 1 }}",
    "{{ 'a' | center(10 ** 10) }}", "{{ 'a' | indent(10 ** 10) }}", "{{ '{:>10000000000}'.format(1) }}",
    BIG + "{% for a in r %}{{ 'a' * 1000 }}{% endfor %}",
    "{% set ns = namespace(s='aaaaaaaa') %}{% for a in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
    "{% set ns = namespace(s=[1]) %}{% for a in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
    "{{ range(10 ** 12) | list }}", "{{ lipsum(100000) }}",
    "{{ 'a' | replace('', 'b' * 1000000) | replace('', 'c' * 1000000) }}", "{{ messages | tojson(indent=10 ** 9) }}",
    "{{ '(' * 90000 }}{{ [messages] | map('string') | join(' ' * 10 ** 9) }}",
]
WALKS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ messages.__class__ }}", "{{ raise_exception.__globals__['sys'] }}",
    "{{ cycler.__init__.__globals__.os.popen('touch marker').read() }}", "{{ self._TemplateReference__context }}",
    "{{ lipsum.__globals__['os'].system('touch marker') }}", "{{ ''|attr('__class__') }}", "{{ '{0.__class__}'.format(1) }}",
    "{{ strftime_now.__self__.__class__.__base__ }}", "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{{ messages.append(1) }}",
    "{% extends 'x' %}", "{{ joiner.__init__.__builtins__ }}", "{{ namespace.__init__.__globals__ }}",
]
BROKEN = ["{% for %}", "{{ ", "{% endif %}", "{{ x.y.z }}", "{{ 1 / 0 }}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
          "{{ messages[99].role }}", "{{ bos_token + 1 }}", "{{ raise_exception('no') }}", "{{" + "(" * 300 + "1" + ")" * 300 + "}}",
          "{{" + "(" * 90_000, "\ud800"]


@pytest.mark.parametrize("source", ENDLESS + WALKS + BROKEN, ids=[f"{kind}{n}" for kind, one in (
    ("endless", ENDLESS), ("walk", WALKS), ("broken", BROKEN)) for n in range(len(one))])
def test_a_hostile_template_is_stopped(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(templates, "SECONDS", 1.0 if source == ENDLESS[0] else 0.3)
    began = os.times()
    with pytest.raises((BaseModelError, TemplateRefusal)) as caught:
        found = ChatTemplate(source, {}).text(("user",), True)
        if source in WALKS:  # an undefined name renders to nothing, which leaves the message out
            assert not found.strip()
            raise TemplateRefusal("rendered to nothing")
    ended = os.times()
    spent = ended.children_user + ended.children_system - began.children_user - began.children_system
    assert spent < templates.SECONDS + 0.6  # and Python's start
    assert len(str(caught.value)) < 900 and list(tmp_path.iterdir()) == []


MEASURE = ("import resource, subprocess, sys\nran = subprocess.run([sys.executable, '-I', sys.argv[1]], input=sys.stdin.buffer.read(), "
           "capture_output=True)\nused = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
           "print(ran.returncode, 'error' in ran.stdout.decode(), used.ru_maxrss)")


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")
@pytest.mark.parametrize("number", [5, 6, 11, 12, 13])
def test_memory_is_limited_to_what_is_promised(number):
    job = {"template": ENDLESS[number], "tokens": {}, "conversations": [{"messages": []}], "seconds": 1.0, "memory": templates.MEMORY,
           "output": templates.OUTPUT}
    ran = subprocess.run([sys.executable, "-I", "-c", MEASURE, str(templates.CHILD)], input=json.dumps(job).encode(), capture_output=True)
    code, error, kilobytes = ran.stdout.decode().split()
    assert code != "0" or error == "True"
    assert int(kilobytes) * 1024 < templates.MEMORY + 30 * 2**20  # Python with Jinja takes 20 MB


def test_a_renderer_of_a_hostile_template_is_refused(monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", 0.3)
    for source in (ENDLESS[0], WALKS[0], BROKEN[0], "{{ messages[0].content * 99999 }}"):
        began = time.monotonic()
        with pytest.raises(BaseModelError):
            renderer_of(source).brief(Brief("Now"))
        assert time.monotonic() - began < 20


def test_the_child_sees_no_environment(monkeypatch):
    seen = {}
    monkeypatch.setenv("HF_TOKEN", "secret")
    real = templates.subprocess.run
    monkeypatch.setattr(templates.subprocess, "run", lambda *a, **k: seen.update(k) or real(*a, **k))
    assert ChatTemplate(LOOP + "{{ message.content }}{% endfor %}{# new #}", {}).text(("user",), True) == templates.MARK.format(0)
    assert "HF_TOKEN" not in seen["env"] and "PATH" not in seen["env"]


def test_a_child_that_never_starts_is_told(monkeypatch):
    def slow(*arguments, **named):
        raise templates.subprocess.TimeoutExpired("python", 30)

    monkeypatch.setattr(templates.subprocess, "run", slow)
    with pytest.raises(BaseModelError, match="no end within 30 s"):
        ChatTemplate("x", {}).text(("user",), True)


def test_a_tokenizer_without_a_template():
    assert template_of(object()) is None and chat_template(type("T", (), {"chat_template": ""})()) is None
