import unittest

from shop import total


class Total(unittest.TestCase):
    def test_multiplies_prices_by_counts(self):
        self.assertEqual(total({"apple": 2, "pear": 1}), 105)
