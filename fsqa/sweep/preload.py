"""Everything heavy that a run needs, loaded once: the runs of a sweep start as copies of a process that has it."""

import accelerate  # noqa: F401
import bm25s  # noqa: F401
import transformers.generation.utils
import transformers.models.auto.modeling_auto
import transformers.models.auto.tokenization_auto  # noqa: F401

import fsqa.config.assemble
import fsqa.fit
import fsqa.memory
import fsqa.results  # noqa: F401
