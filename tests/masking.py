"""A character tokenizer with a mask, and small models that fill it."""

import string

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import BertConfig, BertForMaskedLM, DistilBertConfig, DistilBertForMaskedLM, PreTrainedTokenizerFast

from fsqa.encode.masked import MaskedEncoder

SPECIAL = {"<pad>": "_", "<cls>": "^", "<sep>": "$", "<mask>": "*"}
"""Special tokens, and the sign that stands for each in a test."""
VOCABULARY = len(SPECIAL) + len(string.printable)
ENCODERS = ("bert", "distilbert")


def masking_characters() -> PreTrainedTokenizerFast:
    """Every character is one token; ``<cls>`` opens a row, ``<sep>`` closes its parts."""
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *string.printable])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=" "))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", cls_token="<cls>", sep_token="<sep>", mask_token="<mask>"
    )


def masking_encoder(masks: int = 4, max_length: int = 32) -> MaskedEncoder:
    return MaskedEncoder(tokenizer=masking_characters(), max_length=max_length, masks=masks)


def spelt(ids) -> str:
    """Ids as text, a special token as its sign."""
    tokens = masking_characters().convert_ids_to_tokens([int(i) for i in ids])
    return "".join(SPECIAL.get(token, token) for token in tokens)


def filler(architecture: str = "distilbert", seed: int = 0, scale: float = 3.0):
    """A tiny random model for masks; ``scale`` stretches its weights, so that its words differ."""
    torch.manual_seed(seed)
    if architecture == "bert":
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        config = BertConfig(
            **sizes, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, vocab_size=VOCABULARY, pad_token_id=0
        )
        model = BertForMaskedLM(config)
    else:
        sizes = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2}
        config = DistilBertConfig(**sizes, dropout=0.0, attention_dropout=0.0, vocab_size=VOCABULARY, pad_token_id=0)
        model = DistilBertForMaskedLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(scale)
    return model
