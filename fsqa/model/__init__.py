"""Where weights and tokenizer come from."""
