import shop


def test_adds_prices():
    assert shop.total([1, 2.5]) == 3.5


def test_adds_tax():
    assert shop.total([10], tax=0.19) == 11.9
