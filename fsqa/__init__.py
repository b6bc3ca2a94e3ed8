"""Fine-tune small language models for question answering and find out which way of training them works."""

__version__ = "0.1.0"
