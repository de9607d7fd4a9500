import shop


def test_is_nothing_without_prices():
    assert shop.total([]) == 0
