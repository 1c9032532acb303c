import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from seqbench.probe.heads.threads import available_threads, blas_threads, torch_threads, worthwhile_threads


def blas_used():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_small_steps_get_one_thread_and_large_ones_all():
    assert worthwhile_threads(116_000_000, 16) == 1
    assert worthwhile_threads(1_000_000_000, 16) == 5
    assert worthwhile_threads(10**12, 16) == 16


def test_torchs_setting_is_restored_even_after_a_failure():
    torch.set_num_threads(2)
    with torch_threads(1):
        assert torch.get_num_threads() == 1
    with pytest.raises(KeyError), torch_threads(1):
        raise KeyError
    assert torch.get_num_threads() == 2


def test_blas_gets_its_threads_back():
    with threadpool_limits(2, user_api="blas"):
        before = blas_used()
        assert available_threads() == max(before)
        with blas_threads(1):
            assert blas_used() == {available_threads()} == {1}
        assert blas_used() == before
