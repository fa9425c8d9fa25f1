"""Texts that tracks are measured on and that do not come with the package: pinned downloads and own files.

`catalogue` knows where public texts are, `fetch` downloads (resumable, bounded, verified while streaming),
`extract` makes plain bytes of them, `store` keeps them on this machine under the hash that becomes part of a
track's id. No NumPy and no torch in here: the command line loads it.
"""

from .store import Corpus, corpora, find_corpus

__all__ = ["Corpus", "corpora", "find_corpus"]
