import pytest


@pytest.mark.slow
def test_is_left_out():
    assert False
