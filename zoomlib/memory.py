"""How much memory a device has free, what work takes of it, and how its end is recognised."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Limit, use, and what of the use can be given back, of the containers of Linux."""
_SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
"""Words of torch and its libraries where memory has run out; some raise a plain RuntimeError."""


def free_bytes(device: torch.device | str) -> int:
    """Memory that work on a device can still have, with what torch keeps there for itself.

    On a CPU it is what the system says is available, within the limit of a container.
    """
    device = torch.device(device)
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0] + kept)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return min(_available(), *(limit - used for limit, used in _containers()), _total())


def total_bytes(device: torch.device | str) -> int:
    """All memory of a device; of a CPU within the limit of a container."""
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return min(_total(), *(limit for limit, _ in _containers()), _total())


def _total() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _available() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:  # not Linux
        pass
    return _total() // 2


def _containers() -> Iterator[tuple[int, int]]:
    """Limit and use of each container that this process is in."""
    for limit, used, stat, can_go in _CGROUPS:
        try:
            lines = (line.split() for line in Path(stat).read_text(encoding="ascii").splitlines())
            back = next((int(value) for name, value in lines if name == can_go), 0)
            yield int(Path(limit).read_text(encoding="ascii")), int(Path(used).read_text(encoding="ascii")) - back
        except (OSError, ValueError):  # there is none, or it has no limit ("max")
            continue


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out: torch's own, Python's, or a RuntimeError in so many words."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def release() -> None:
    """Give back what nobody uses any more. Call it when the error that held it is gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def gathered(parts: Iterable[Tensor], rows: int) -> Tensor:
    """Tensors (n, ...) one after the other, (rows, ...) in all, without holding them twice; `parts` come one by one."""
    out, filled = torch.empty(0), 0
    for part in parts:
        if len(part) == rows:
            return part
        if not filled:
            out = part.new_empty(rows, *part.shape[1:])
        out[filled : filled + len(part)] = part
        filled += len(part)
    return out


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors that are made within and still live; `peak` is the most at any moment.

    Beyond `limit` it raises torch.OutOfMemoryError, as a graphics card does and a CPU does not: there the system ends
    the process. What an operator needs for itself while it runs is not seen.
    """

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.limit, self.live, self.peak = limit, 0, 0
        self._known = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and count what it made."""
        return self._run(func, args, kwargs)

    def _run(self, func: Any, args: Any, kwargs: Any) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {_address(x) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        for made in tree_leaves(out):
            if isinstance(made, Tensor) and _address(made) not in given:
                self._count(made.untyped_storage())
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        size = storage.nbytes()
        self._known[storage] = _Held(self, size)
        self.live += size
        self.peak = max(self.peak, self.live)
        if self.limit is not None and self.live > self.limit:
            raise torch.OutOfMemoryError(f"{self.live:,} bytes of tensors, out of memory: {self.limit:,} are free")


class _Light(Meter):  # type: ignore[no-untyped-call]
    """The same for programs that have not loaded torch's compiler.

    torch loads it, seconds of a command, to have it pass by what modes do; where it is not there, nothing is to pass.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._run(func, args, kwargs)


class _Held:
    """Dies with the storage that it counts."""

    def __init__(self, meter: Meter, size: int) -> None:
        self.meter, self.size = meter, size

    def __del__(self) -> None:
        self.meter.live -= self.size


def _address(x: Tensor) -> int:
    return int(x.untyped_storage()._cdata)


class Use:
    """What work has taken at most, in `bytes`, once it is done."""

    bytes = 0


@contextmanager
def measured(device: torch.device, limit: int) -> Iterator[Use]:
    """Measures the work within on a device. Off graphics cards, more than `limit` is an error as of one."""
    use = Use()
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield use
        # Weights that came to stay (`zoomlib.models.offload`) are there from now on, and no part of the work.
        stays = max(before, torch.cuda.memory_allocated(device))
        use.bytes = torch.cuda.max_memory_allocated(device) - stays
    else:
        with (Meter if "torch._dynamo" in sys.modules else _Light)(limit) as meter:
            yield use
        use.bytes = meter.peak
