"""A tiny language model with random weights, written to a file: enough to exercise a real server.

One layer, 64 channels, one token per byte, about 300 kB. A constant channel of the embedding turns one row
of the output matrix into a bias per token; without it random weights soon say bytes that are no UTF-8.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["write_model"]

_WIDTH, _HIDDEN, _HEADS, _CONTEXT = 64, 128, 2, 8192
_SPECIAL = ("<unk>", "<s>", "</s>")


def write_model(path: Path, seed: int = 0) -> None:
    """Write the model in GGUF; the same seed gives the same bytes."""
    from gguf import GGUFWriter, TokenType

    draw = np.random.default_rng(seed)
    tokens = [*_SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    writer = GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *([TokenType.BYTE] * 256)]
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:")

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (draw.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    embedding = matrix(len(tokens), _WIDTH)
    embedding[:, 0] = 4.0
    output = matrix(len(tokens), _WIDTH)
    output[:, 0] = _biases()
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(_WIDTH, np.float32))
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(_WIDTH, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.0.{name}.weight", 0.1 * matrix(_WIDTH, _WIDTH))
    writer.add_tensor("blk.0.ffn_gate.weight", 0.1 * matrix(_HIDDEN, _WIDTH))
    writer.add_tensor("blk.0.ffn_up.weight", 0.1 * matrix(_HIDDEN, _WIDTH))
    writer.add_tensor("blk.0.ffn_down.weight", 0.1 * matrix(_WIDTH, _HIDDEN))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _biases() -> np.ndarray:
    """What is likely: quotation marks and letters; what is not: control bytes and bytes above ASCII."""
    bias = np.full(len(_SPECIAL) + 256, -3.0, np.float32)
    for byte in range(0x20, 0x7F):
        bias[len(_SPECIAL) + byte] = 0.5 if chr(byte).isalnum() else 0.2
    bias[len(_SPECIAL) + ord('"')] = 1.0
    bias[: len(_SPECIAL)] = -3.0
    return bias
