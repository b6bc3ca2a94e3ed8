import pytest
from transformers import GPT2Tokenizer

from fsqa.encode.sequence import SequenceEncoder
from fsqa.errors import InputError
from fsqa.model.tokenizer import read_tokenizer, tokenizer_key, with_added_tokens
from fsqa.prompt import Template
from fsqa.types import Record, Role
from tests.builders import configured, learned

RECORD = Record(id="1", question=" who wrote emma?", answers=("jane austen", "austen"), context="Emma is a novel.")

CHATML = (
    "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for m in messages %}"
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + (m.content | trim) + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
"""As Llama 3 writes it, start token included."""
CLOSED_TWICE = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
"""As Phi 3 writes it: a turn ends with one token, the conversation with another."""
SPACED = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + ' ' + eos_token }}"
    "{% else %}{{ raise_exception('no system role') }}{% endif %}{% endfor %}"
)
"""As Llama 2 writes it: a blank before the end token, and no system."""

STYLES = {
    "chatml": (CHATML, ["<|im_start|>", "<|im_end|>"], "<|im_end|>"),
    "headers": (HEADERS, ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], "<|eot_id|>"),
    "closed_twice": (CLOSED_TWICE, ["<|user|>", "<|assistant|>", "<|end|>"], "<|end|>"),
    "spaced": (SPACED, ["[INST]", "[/INST]"], "<|endoftext|>"),
}


def gpt2(shared, style):
    """GPT-2's own tokenizer with somebody's chat template and its special tokens."""
    template, tokens, _ = STYLES[style]
    tokenizer = GPT2Tokenizer.from_pretrained(shared / "models" / "gpt2-tokenizer")
    tokenizer.chat_template = template
    return with_added_tokens(tokenizer, tokens)


def chat(**changes):
    return configured("prompt", "chat", **changes)


@pytest.mark.parametrize("style", STYLES)
def test_a_row_is_what_the_chat_template_writes(shared, style):
    """The given part has the very ids of transformers, the start token once, and the answer its own closing token."""
    tokenizer = gpt2(shared, style)
    said = [{"role": "user", "content": RECORD.question}]
    wanted = tokenizer.apply_chat_template(said, add_generation_prompt=True, tokenize=True)["input_ids"]
    layout = chat().bound(tokenizer)
    encoder = SequenceEncoder(tokenizer=tokenizer, max_length=128)
    (row,) = encoder.examples([layout(RECORD)], ["row"])
    (question,) = encoder.questions([layout(RECORD)], room=16)
    assert question.ids.tolist() == wanted
    answer = tokenizer("jane austen", add_special_tokens=False)["input_ids"]
    closing = tokenizer.convert_tokens_to_ids(STYLES[style][2])
    assert row.ids.tolist() == [*wanted, *answer, closing]
    assert row.roles.tolist() == [Role.PROMPT] * len(wanted) + [Role.ANSWER] * len(answer) + [Role.END]
    assert encoder.end_id == closing
    assert encoder.decode([*answer, closing]) == "jane austen"


@pytest.mark.parametrize("style", STYLES)
def test_a_saved_tokenizer_is_bound_to_the_same_rows(shared, style, tmp_path):
    tokenizer = gpt2(shared, style)
    layout = chat().bound(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    again = read_tokenizer(str(tmp_path), None)
    assert again.eos_token == STYLES[style][2]
    assert chat().bound(again)(RECORD) == layout(RECORD)
    assert tokenizer_key(again) == tokenizer_key(tokenizer)


def test_system_context_and_variables_reach_the_template(shared):
    layout = chat(
        system="Answer in a word.",
        user="{context}\n{question}",
        answer="{answer}!",
        variables={"enable_thinking": False},
    ).bound(gpt2(shared, "chatml"))
    prompt = layout(RECORD)
    assert prompt.given[0].text == (
        "<|im_start|>system\nAnswer in a word.<|im_end|>\n"
        "<|im_start|>user\nEmma is a novel.\n who wrote emma?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )
    assert prompt.answer[0].text == "jane austen!"
    assert not prompt.start


def test_a_learned_tokenizer_chats_in_its_own_special_tokens():
    tokenizer = learned()
    prompt = chat(system="be brief").bound(tokenizer)(RECORD)
    assert prompt.given[0].text == (
        "<|start|>system\nbe brief<|end|>\n<|start|>user\n who wrote emma?<|end|>\n<|start|>assistant\n"
    )
    assert (tokenizer.eos_token, tokenizer.bos_token) == ("<|end|>", "<|start|>")


def test_the_template_is_part_of_what_a_tokenizer_is_known_by(shared):
    one, other = gpt2(shared, "chatml"), gpt2(shared, "chatml")
    other.chat_template = CHATML.replace("You help.", "You lie.")
    assert tokenizer_key(one) != tokenizer_key(other)


def test_a_chat_model_may_take_any_other_prompt(shared):
    tokenizer = gpt2(shared, "chatml")
    layout = configured("prompt", "question_answer")
    assert isinstance(layout, Template)
    assert layout.bound(tokenizer) is layout
    assert tokenizer.eos_token == "<|endoftext|>"


def test_a_tokenizer_without_a_template_is_refused(shared):
    tokenizer = GPT2Tokenizer.from_pretrained(shared / "models" / "gpt2-tokenizer")
    with pytest.raises(InputError, match=r"no chat template; take a model that was tuned to chat, .*question_answer"):
        chat().bound(tokenizer)


def test_a_template_whose_closing_mark_is_no_token_is_refused(shared):
    """Half a mark would be learned as the end, and the other half be said after it."""
    tokenizer = GPT2Tokenizer.from_pretrained(shared / "models" / "gpt2-tokenizer")
    tokenizer.chat_template = CHATML
    with pytest.raises(InputError, match=r"closes an answer with '<\|im_end\|>', which is no special token"):
        chat().bound(tokenizer)


def test_what_the_template_refuses_is_told(shared):
    layout = chat(system="be brief").bound(gpt2(shared, "spaced"))
    with pytest.raises(InputError, match=r"refuses this conversation: no system role; change prompt\.system"):
        layout(RECORD)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user": "{answer}"}, r"prompt\.user: no field '\{answer\}' here"),
        ({"user": " "}, r"prompt\.user: wanted some text"),
        ({"user": "{question"}, r"prompt\.user: .*write \{\{ and \}\} for plain braces"),
        ({"answer": "yes"}, r"prompt\.answer: wanted \{answer\} once, got 'yes'"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(InputError, match=message):
        chat(**changes)
