"""OpenAI's own SDK, unmodified, against a live server: chat, streams, embeddings, files and a whole fine-tuning job."""

import asyncio
import json
import os
import re
import threading

import openai
import pytest

from adtune.server.run import listen, server_of
from adtune.settings import ServeSettings
from adtune.steps.keys import create_key
from adtune.steps.work import do


@pytest.fixture(scope="module")
def live(space):
    """The address of a server in a thread of this process."""
    bound = listen("127.0.0.1", 0)
    server, service = server_of(space.ws, ServeSettings(bases=f"tiny={space.base},gpt-4o-mini={space.base}", rows=4, max_tokens=8))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    server.should_exit = True
    thread.join()
    service.close()
    bound.close()


@pytest.fixture(scope="module")
def client(live, space):
    with openai.OpenAI(base_url=live, api_key=create_key(space.ws, "acme")["key"], max_retries=0) as made:
        yield made


MESSAGES = [{"role": "user", "content": "Spring in the valley"}]


def test_chat_whole_and_streamed(client):
    whole = client.chat.completions.create(model="live", messages=MESSAGES, temperature=0)
    assert whole.choices[0].message.content and whole.usage.total_tokens > whole.usage.completion_tokens > 0
    chunks = list(client.chat.completions.create(model="live", messages=MESSAGES, temperature=0, stream=True,
                                                 stream_options={"include_usage": True}))
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage or chunks[-1].usage.total_tokens == whole.usage.total_tokens
    text = whole.choices[0].message.content
    with client.chat.completions.stream(model="live", messages=MESSAGES, temperature=0, stop=text[4:6]) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds and final.choices[0].message.content == text[:text.index(text[4:6])]


def test_asynchronously(live, space):
    async def ask():
        async with openai.AsyncOpenAI(base_url=live, api_key=create_key(space.ws, "acme")["key"]) as made:
            asked = [made.chat.completions.create(model="live", messages=MESSAGES, temperature=0, max_tokens=4) for _ in range(8)]
            answers = await asyncio.gather(*asked)
            stream = await made.chat.completions.create(model="live", messages=MESSAGES, temperature=0, max_tokens=4, stream=True)
            streamed = [one.choices[0].delta.content or "" async for one in stream]
            return [one.choices[0].message.content for one in answers], "".join(streamed)

    answers, streamed = asyncio.run(ask())
    assert set(answers) == {streamed}


def test_errors_have_the_sdk_s_types(client, live):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="nothing", messages=MESSAGES)
    assert caught.value.code == "model_not_found" and caught.value.request_id
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="live", messages=MESSAGES, extra_body={"frobnicate": 1})
    assert caught.value.code == "unknown_parameter" and caught.value.param == "frobnicate"
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=live, api_key="no").models.list()


def test_completions_embeddings_and_models(client):
    assert client.completions.create(model="live", prompt="Spring", max_tokens=3, temperature=0).choices[0].text
    text = "".join(one.choices[0].text for one in client.completions.create(model="live", prompt="Spring", max_tokens=3, temperature=0,
                                                                             stream=True))
    assert text
    assert len(client.embeddings.create(model="tiny", input=["a", "b"]).data[1].embedding) > 8  # in base64, as the SDK asks by itself
    ids = [one.id for one in client.models.list()]
    assert "live" in ids and client.models.retrieve(ids[-1]).id == ids[-1]


QUICK = {"rank": 2, "rate": 0.001, "replay": 0.0, "dial": 1.0, "loss_tokens": 16}


def examples(path, count=12, spoil=()):
    rows = [{"messages": [{"role": "system", "content": "You are Acme."}, {"role": "user", "content": f"Write about river {n}"},
                          {"role": "assistant", "content": f"River {n} runs by the mill and the {n}th bridge."}]} for n in range(count)]
    lines = [json.dumps(row) for row in rows]
    for number, text in spoil:
        lines[number - 1] = text
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def work(space):
    """Do what is queued, as a worker's child does."""
    while (job := space.ws.jobs.claim("here")) is not None:
        do(space.ws, job, lambda: False)


def test_a_fine_tuning_script_runs_unchanged(client, space, tmp_path, live):
    path = examples(tmp_path / "train.jsonl")
    file = client.files.create(file=path, purpose="fine-tune")
    assert client.files.wait_for_processing(file.id).status == "processed" and file.filename == "train.jsonl"
    job = client.fine_tuning.jobs.create(
        model="gpt-4o-mini", training_file=file.id, suffix="My Rivers", seed=3, metadata={"for": "spring"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 4}}},
        extra_body={"adtune": QUICK})
    assert job.status == "queued" and job.hyperparameters.n_epochs == 1
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    work(space)
    assert client.fine_tuning.jobs.retrieve(job.id).status == "paused" and client.fine_tuning.jobs.resume(job.id).status == "queued"
    work(space)
    done = client.fine_tuning.jobs.retrieve(job.id)
    assert done.status == "succeeded", (done.error, [one.message for one in client.fine_tuning.jobs.list_events(job.id)])
    assert done.fine_tuned_model.startswith("ft:gpt-4o-mini:acme:my-rivers:") and done.trained_tokens > 0 and done.finished_at
    told = list(client.fine_tuning.jobs.list_events(job.id, limit=5))
    assert told[-1].message == "Files validated." and {one.type for one in told} == {"message", "metrics"} and len(told) > 5
    assert any("batch_size is not used" in one.message for one in told)
    checkpoint = client.fine_tuning.jobs.checkpoints.list(job.id).data[0]
    assert checkpoint.fine_tuned_model_checkpoint == done.fine_tuned_model and checkpoint.metrics.valid_loss > 0
    assert [one.id for one in client.fine_tuning.jobs.list(metadata={"for": "spring"})] == [job.id]
    asked = [{"role": "user", "content": "Write about river 99"}]
    answer = client.chat.completions.create(model=done.fine_tuned_model, messages=asked, temperature=0)
    with_system = client.chat.completions.create(model=done.fine_tuned_model, temperature=0,
                                                 messages=[{"role": "system", "content": "You are Acme."}, *asked])
    assert answer.choices[0].message.content == with_system.choices[0].message.content  # it was learned with the voice
    other = openai.OpenAI(base_url=live, api_key=create_key(space.ws, "other")["key"], max_retries=0)
    for reach in (lambda: other.chat.completions.create(model=done.fine_tuned_model, messages=asked), lambda: other.files.retrieve(file.id),
                  lambda: other.fine_tuning.jobs.retrieve(job.id), lambda: other.files.content(file.id),
                  lambda: other.fine_tuning.jobs.cancel(job.id), lambda: other.fine_tuning.jobs.list_events(job.id)):
        with pytest.raises(openai.NotFoundError):
            reach()
    assert file.id not in [one.id for one in other.files.list()] and job.id not in [one.id for one in other.fine_tuning.jobs.list()]
    assert client.files.content(file.id).read() == path.read_bytes()
    assert client.files.delete(file.id).deleted and file.id not in [one.id for one in client.files.list()]
    assert space.ws.newest("dataset", "acme") is None  # the client's curated dataset is another thing


def test_a_file_that_is_wrong_fails_with_its_lines(client, space, tmp_path):
    path = examples(tmp_path / "wrong.jsonl", 14, [(3, "{not json"), (5, '{"messages": []}'), (6, '{"prompt": "a", "completion": "b"}'),
                                                   (9, json.dumps({"messages": [{"role": "user", "content": "no answer"}]}))])
    file = client.files.create(file=path, purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="tiny", training_file=file.id)
    work(space)
    failed = client.fine_tuning.jobs.retrieve(job.id)
    assert failed.status == "failed" and failed.error.code == "invalid_training_file" and failed.error.param == "training_file"
    for line in ("line 3: no JSON", "line 5: ", "line 6: no object with a list of messages", "line 9: the conversation holds no answer"):
        assert line in failed.error.message
    assert "line 4" not in failed.error.message
    few = client.files.create(file=examples(tmp_path / "few.jsonl", 4), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="tiny", training_file=few.id)
    work(space)
    assert "4 examples; expected at least 10" in client.fine_tuning.jobs.retrieve(job.id).error.message


def test_what_cannot_become_a_job_is_refused_at_once(client, tmp_path):
    file = client.files.create(file=examples(tmp_path / "good.jsonl", 12), purpose="fine-tune")
    for wrong in ({"model": "gpt-4"}, {"training_file": "file-none"}, {"method": {"type": "dpo"}}, {"hyperparameters": {"n_epochs": 0}},
                  {"hyperparameters": {"n_epochs": 1.5}}, {"extra_body": {"adtune": {"base": "/etc"}}}, {"hyperparameters": {"wings": 2}},
                  {"extra_body": {"adtune": {"rank": "many"}}}, {"extra_body": {"adtune": {"method": "magic"}}}):
        with pytest.raises((openai.BadRequestError, openai.NotFoundError)):
            client.fine_tuning.jobs.create(**{"model": "tiny", "training_file": file.id, **wrong})
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=b"x", purpose="assistants")
    assert client.fine_tuning.jobs.list(limit=1).has_more in (True, False)


def test_a_request_that_the_sdk_repeats_is_one_job(client, live, space, tmp_path):
    file = client.files.create(file=examples(tmp_path / "once.jsonl", 12), purpose="fine-tune")
    given = {"model": "tiny", "training_file": file.id, "suffix": "once"}
    first = client.fine_tuning.jobs.create(**given)
    again = client.fine_tuning.jobs.create(**given, extra_headers={"x-stainless-retry-count": "1"})
    other = client.fine_tuning.jobs.create(**given)
    keyed = [client.fine_tuning.jobs.create(**given, extra_headers={"Idempotency-Key": "k1"}).id for _ in range(2)]
    assert first.id == again.id != other.id and keyed[0] == keyed[1]
    for id in {first.id, other.id, keyed[0]}:
        assert client.fine_tuning.jobs.cancel(id).status == "cancelled"


def test_names_of_files_are_words_and_never_paths(client, space):
    names = ["../../etc/passwd", "/abs/olute", "a\nb", "c:\\x", "é.jsonl", "x" * 1000]
    for name in names:
        held = client.files.create(file=(name, b"x"), purpose="fine-tune")
        assert "\n" not in held.filename and len(held.filename) <= 255
        client.files.delete(held.id)
    kept = {path.name for path in (space.ws.root / "uploads").iterdir()}  # other modules' files of this worker's workspace among them
    assert kept >= {one.id for one in client.files.list()} and all(re.fullmatch(r"file-[0-9a-f]{24}", name) for name in kept)
    assert not os.path.exists(space.ws.root / "etc")
