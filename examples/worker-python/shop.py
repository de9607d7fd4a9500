PRICES = {"apple": 30, "pear": 45}


def total(basket):
    """The price of a basket, which maps fruits to counts."""
    return sum(PRICES[fruit] * count for fruit, count in basket.items())
