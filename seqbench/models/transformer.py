"""A loaded transformer, and what makes it ready for a data set: windows, batches, pooled layers.

Shape letters: N sequences, B windows in a batch, T tokens, P poolings, L wanted layers, H hidden width.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet
from seqbench.core.identity import ModelIdentity, Settings
from seqbench.core.memory import is_out_of_memory
from seqbench.core.types import Pooling
from seqbench.errors import ModelError, SeqbenchError, said
from seqbench.models.base import (
    Batch,
    EmbedOptions,
    Event,
    Pooled,
    Prepared,
    Remark,
    SequenceFacts,
    TokenStates,
    Unfit,
    UnreadableSequenceError,
)
from seqbench.models.batch_windows import (
    BatchWindows,
    halves,
    kept_tokens,
    padded_size,
    part_of,
    pooled_tokens,
)
from seqbench.models.batches import batches, pad
from seqbench.models.calibrate import Budget, calibrate
from seqbench.models.forward import Forward
from seqbench.models.joining import Embedded, embed
from seqbench.models.limit_trial import longest_that_runs
from seqbench.models.limits import position_limit
from seqbench.models.tap import FAULTS
from seqbench.models.tokens import Tokens, token_limit

SMALLEST_WINDOW = 32
"""Own tokens below which a window that does not fit is not cut further: then the model does not fit."""


def default_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Transformer:
    """A transformer in memory, used for many data sets."""

    def __init__(
        self,
        *,
        model: Any,
        tokenizer: Any,
        config: Any,
        identity: ModelIdentity,
        options: EmbedOptions,
        dtype: str,
        device: torch.device | None = None,
    ) -> None:
        """Find the limit of tokens, as far as tables tell.

        Args:
            model: In eval mode; on the CPU, unless `device` is None.
            tokenizer: Its own.
            config: Of transformers, or of custom code.
            identity: Which weights.
            options: How sequences are cut and pooled.
            dtype: What it computes in.
            device: Where it will run; None for where it is.
        """
        self.identity = identity
        self.options = options
        self.dtype = dtype
        self.tokenizer = tokenizer
        self.limit = token_limit(tokenizer, config, model, options.max_tokens)
        self.model = model
        """What runs; of an encoder-decoder the encoder."""
        self._device = device
        self._forward: Forward | None = None
        self.ends_at = position_limit(model)
        """Tokens at which positions end, by the size of their table and by trial; None where they do not."""

    def embedder(self, facts: SequenceFacts) -> "SequenceEmbedder":
        """Get ready for a data set's alphabet and lengths.

        Raises:
            ModelError: The tokenizer can't write such sequences, or makes ids that the model lacks.
        """
        return SequenceEmbedder(self, facts)

    @property
    def forward(self) -> Forward:
        """The model ready to run."""
        return self.ready(None)

    def ready(self, alphabet: Alphabet | None) -> Forward:
        """The model ready to run; tried out when first asked for.

        Raises:
            ModelError: It can't be run on a few dozen letters of the alphabet.
        """
        if self._forward is None:
            self._forward = self._tried(alphabet, speeds_up=True)
            if self.options.compile:
                self._forward.compile()
        return self._forward

    def unchanged(self, alphabet: Alphabet | None) -> Forward:
        """The model tried out as `ready` does, and left as its checkpoint has it: for training.

        Raises:
            ModelError: As of `ready`.
        """
        return self._tried(alphabet, speeds_up=False)

    def _tried(self, alphabet: Alphabet | None, *, speeds_up: bool) -> Forward:
        tokens = Tokens(self.tokenizer, limit=self.limit, overlong="truncate", alphabet=alphabet)
        trial = tokens.windows([tokens.example, 3 * tokens.example])
        first = np.flatnonzero(np.diff(trial.owner_W, prepend=-1))
        self._try_limit(tokens, len(trial.ids[0]))
        windows = [trial.ids[at][: self.limit] for at in first]
        if self._device is not None:
            self.model = self.model.to(self._device)
        try:
            return Forward(
                self.model,
                name=self.identity.name,
                n_layers=self.identity.n_layers,
                windows=windows,
                pad_id=tokens.pad_id,
                speeds_up=speeds_up,
            )
        except SeqbenchError:
            raise
        except FAULTS as error:
            why = f"fails when two windows are tried: {said(error)}"
            raise ModelError(f"model {self.identity.name!r}: {why}") from error

    def _try_limit(self, tokens: Tokens, known: int) -> None:
        """Run a window of just the limit; lower the limit where that fails, unless a number was asked for."""
        if self.limit is None or self.limit <= known or next(self.model.parameters()).device.type != "cpu":
            return

        n_layers, window = self.identity.n_layers, tokens.window_of_length
        found = longest_that_runs(self.model, n_layers, window, self.limit, known)
        if found == self.limit:
            return
        if isinstance(self.options.max_tokens, int):
            raise ModelError(
                f"model {self.identity.name!r}: takes {found} tokens at most, extract.max_tokens is "
                f"{self.limit} (lower it, or set auto)"
            )
        self.limit = self.ends_at = found


class SequenceEmbedder:
    """A transformer that is ready for one data set."""

    def __init__(self, transformer: Transformer, facts: SequenceFacts) -> None:
        self.transformer = transformer
        self.facts = facts
        options = transformer.options
        self.options = options
        self.poolings: tuple[Pooling, ...] = options.poolings
        self.forward = transformer.ready(facts.alphabet)  # which may lower the limit
        self.tokens = Tokens(
            transformer.tokenizer,
            limit=transformer.limit,
            overlong=options.overlong,
            stride=options.stride,
            alphabet=facts.alphabet,
        )
        self.hidden = self.forward.layers.hidden
        self.budget = Budget.default(self.forward)
        if options.tokens_per_batch is not None:
            self.budget = Budget(tokens=options.tokens_per_batch, reason="set in the config")

    @property
    def method(self) -> str:
        """How layers are taken from the model: hooks or output_hidden_states."""
        return self.forward.tap.method

    @property
    def settings(self) -> Settings:
        """What decides the values: dtype, windows, how sequences are written, how layers are taken."""
        options = self.options
        return {
            "dtype": self.transformer.dtype,
            "max_tokens_asked": options.max_tokens,
            "max_tokens": self.transformer.limit,
            "layers_by": self.method,
            "overlong": options.overlong,
            "special_tokens": options.special_tokens,
            "stride": options.stride,
            "tokens_by": self.tokens.style,
        }

    def tune(self, recorded: dict[str, Any], sample: Sequence[str]) -> dict[str, Any]:
        """Take the recorded budget and certificate, or find them; see `Embedder.tune`."""
        if self.options.tokens_per_batch is None:
            known = recorded.get("token_budget")
            self.budget = Budget(**known) if known else calibrate(self.forward, self.tokens, self.facts)
        certificate = recorded.get("certificate")
        if certificate is None:
            from seqbench.models.preflight import certify

            certificate = certify(self, sample).attrs()
        sped_up = list(self.forward.sped_up)
        notes = {"token_budget": self.budget.attrs(), "certificate": certificate, "sped_up": sped_up}
        left_out = {str(layer): reason for layer, reason in self.forward.layers.left_out.items()}
        return {**notes, "left_out": left_out} if left_out else notes

    def prepare(self, sequences: Sequence[str]) -> Prepared:
        """Tokenise, cut and group; see `Embedder.prepare`.

        Raises:
            OverlongSequenceError: A sequence is over the limit and `overlong` is error.
            UnreadableSequenceError: A sequence has no token and `unreadable` is error.
        """
        windows = self.tokens.windows(sequences)
        if windows.unreadable and self.options.unreadable == "error":
            raise UnreadableSequenceError(*next(iter(windows.unreadable.items())))
        lengths, equal = [len(ids) for ids in windows.ids], self.forward.equal_lengths
        grouped = batches(lengths, self.budget.tokens, equal_lengths=equal)
        return Prepared(
            batches=[
                Batch(
                    owner_B=windows.owner_W[members],
                    start_B=windows.start_W[members],
                    windows=BatchWindows(
                        ids=[windows.ids[member] for member in members],
                        overlap_B=windows.overlap_W[members],
                        kept_B2=windows.kept_W2[members],
                    ),
                )
                for members in grouped
            ],
            coverage_N=windows.coverage,
            windows_N=np.bincount(windows.owner_W, minlength=len(sequences)).astype(np.int32),
            unreadable=windows.unreadable,
        )

    def embed(self, sequences: Sequence[str], layers: Sequence[int]) -> Embedded:
        """Embed a handful of sequences by the first pooling; see `joining.embed`."""
        return embed(self, sequences, layers)

    def embed_in_float32(
        self, sequences: Sequence[str], layers: Sequence[int]
    ) -> dict[int, NDArray[np.float32]] | None:
        """Embed a handful of sequences in float32; see `Embedder.embed_in_float32`."""
        budget = self.budget  # which the larger numbers may halve
        with self.forward.in_float32() as is_changed:
            try:
                return embed(self, sequences, layers).layers if is_changed else None
            except (ModelError, *FAULTS):  # kernels that have no float32, or too little memory
                return None
            finally:
                self.budget = budget

    def spans(self, sequences: Sequence[str]) -> list[NDArray[np.int32]]:
        """Which letters each token stands for; see `Tokens.spans`."""
        return self.tokens.spans(sequences)

    def compute(
        self, batch: Batch, layers: Sequence[int], token_layers: Sequence[int] = ()
    ) -> Iterator[Event]:
        """Embed the windows of a batch; where memory runs out, in halves. See `TokenEmbedder.compute`.

        Raises:
            ModelError: Not even a short window fits.
        """
        if len(batch) == 1 or padded_size(batch) <= self.budget.tokens:
            try:
                yield from self._run(batch, layers, token_layers)
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside of `except`: its traceback would keep the tensors of the failed pass.
            torch.cuda.empty_cache()  # does nothing where CUDA was never used
            if len(batch) == 1:
                yield from self._compute_oversize(batch, layers, token_layers)
                return
            yield from self._shrink(batch)
        # Out of memory, or made before the budget was halved.
        middle = len(batch) // 2
        for part in (slice(None, middle), slice(middle, None)):
            yield from self.compute(part_of(batch, part), layers, token_layers)

    def _run(self, batch: Batch, layers: Sequence[int], token_layers: Sequence[int]) -> list[Event]:
        windows: BatchWindows = batch.windows
        ids_BT, mask_BT = pad(windows.ids, self.forward.pad_id)
        affixes = len(self.tokens.prefix), len(self.tokens.suffix)
        pooled_BT = pooled_tokens(mask_BT, windows, affixes, special=self.options.special_tokens)
        kept_BT = kept_tokens(mask_BT, windows, affixes[0])
        pooled, tokens = self.forward.run_with_tokens(
            ids_BT, mask_BT, pooled_BT, layers, self.poolings, token_layers, kept_BT
        )
        of_windows = Pooled(
            owner_B=batch.owner_B,
            start_B=batch.start_B,
            tokens_B=mask_BT.sum(axis=1),
            weight_B=pooled_BT.sum(axis=1),
            fetch=pooled,
        )
        if not token_layers:
            return [of_windows]
        begin_B, end_B = batch.start_B + windows.kept_B2.T
        kept = TokenStates(owner_B=batch.owner_B, start_B=begin_B, count_B=end_B - begin_B, fetch=tokens)
        return [of_windows, kept]

    def _shrink(self, batch: Batch) -> Iterator[Remark]:
        size = padded_size(batch)
        half = max(1, size // 2)
        if half < self.budget.tokens:
            self.budget = Budget(tokens=half, reason=f"out of memory at {size:,} tokens")
            yield self._remark(f"out of memory at {size:,} tokens a batch, going on with {half:,}")

    def _remark(self, text: str) -> Remark:
        return Remark(text=f"{self.transformer.identity.name} × {self.facts.name}: {text}")

    def _compute_oversize(
        self, batch: Batch, layers: Sequence[int], token_layers: Sequence[int]
    ) -> Iterator[Event]:
        """One window that does not fit: cut in two, or given up, as the user chose."""
        (ids,), owner = batch.windows.ids, int(batch.owner_B[0])
        if self.options.oversize == "skip":
            yield Unfit(owner=owner, tokens=len(ids))
            return
        own = ids[len(self.tokens.prefix) : len(ids) - len(self.tokens.suffix)]
        if len(own) < 2 * SMALLEST_WINDOW:
            raise ModelError(
                f"model {self.transformer.identity.name!r}: out of memory at 1 x {len(ids)} tokens "
                "(the model does not fit beside what else is in memory)"
            )
        yield self._remark(f"{len(ids):,} tokens do not fit in memory, the sequence is cut into two windows")
        affixes = self.tokens.prefix, self.tokens.suffix
        for part in halves(batch, own, affixes, with_tokens=bool(token_layers)):
            yield from self.compute(part, layers, token_layers)
