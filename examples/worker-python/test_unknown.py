import unittest

from shop import total


class Unknown(unittest.TestCase):
    def test_refuses_unknown_fruits(self):
        with self.assertRaises(KeyError):
            total({"stone": 1})
