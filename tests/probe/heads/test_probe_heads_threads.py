import pytest
import torch

from seqbench.probe.heads.threads import threads_for, worthwhile_threads


def test_small_steps_get_one_thread_and_large_ones_all():
    assert worthwhile_threads(116_000_000, 16) == 1
    assert worthwhile_threads(1_000_000_000, 16) == 5
    assert worthwhile_threads(10**12, 16) == 16


def test_the_setting_is_restored_even_after_a_failure():
    torch.set_num_threads(2)
    with threads_for(1):
        assert torch.get_num_threads() == 1
    with pytest.raises(KeyError), threads_for(1):
        raise KeyError
    assert torch.get_num_threads() == 2
