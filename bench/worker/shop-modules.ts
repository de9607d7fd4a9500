import type { Files } from '../../test/support/project.js';

/** The package that generated tests test, and the conftest.py files above them. */
export const SHOP: Files = {
  'conftest.py': `import logging

import pytest

logging.getLogger("shop").setLevel(logging.DEBUG)

@pytest.fixture(scope="session")
def settings():
    from shop import settings
    return settings.read()
`,
  'tests/conftest.py': `import pytest

from shop import orders, store

@pytest.fixture(scope="session")
def lines():
    return [orders.Line("tea", 4), orders.Line("cup", 8), orders.Line("pot", 16)]

@pytest.fixture
def database(tmp_path):
    connection = store.connect(tmp_path / "shop.db")
    yield connection
    connection.close()
`,
  'shop/__init__.py': '',
  'shop/settings.py': `import configparser

TEXT = "[shop]\\ncurrency = EUR\\nlanguage = en\\n"

def read():
    parser = configparser.ConfigParser()
    parser.read_string(TEXT)
    return dict(parser["shop"])
`,
  'shop/orders.py': `import dataclasses
import datetime
import typing

@dataclasses.dataclass(frozen=True)
class Line:
    name: str
    price: int

@dataclasses.dataclass(frozen=True)
class Order:
    number: int
    lines: typing.Tuple[Line, ...]
    day: datetime.date = datetime.date(2024, 2, 29)
`,
  'shop/prices.py': `import decimal
import fractions
import statistics

def checked(price):
    if price < 0:
        raise ValueError("a negative price")
    return price

def total(order):
    return sum(checked(line.price) for line in order.lines)

def discounted(order, percent):
    return float(fractions.Fraction(total(order) * (100 - percent), 100))

def rounded(price):
    return float(decimal.Decimal(str(price)).quantize(decimal.Decimal("0.01"), rounding=decimal.ROUND_HALF_EVEN))

def mean(orders):
    return statistics.mean(total(order) for order in orders)
`,
  'shop/mails.py': `import email.message
import logging
import smtplib

from shop import prices

log = logging.getLogger("shop.mails")

def confirmation(order, to):
    mail = email.message.EmailMessage()
    mail["To"] = to
    mail["Subject"] = f"Order {order.number}"
    mail.set_content(f"The total is {prices.total(order)}.")
    return mail

def deliver(mail):
    with smtplib.SMTP("mail.example.com") as server:
        server.send_message(mail)

def confirm(order, to):
    deliver(confirmation(order, to))
    log.info("confirmed %s", order.number)
`,
  'shop/reports.py': `import csv
import xml.etree.ElementTree as ElementTree

from shop import prices

def write(path, orders):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "total"])
        writer.writerows([order.number, prices.total(order)] for order in orders)
    return path

def as_xml(orders):
    root = ElementTree.Element("orders")
    for order in orders:
        ElementTree.SubElement(root, "order", number=str(order.number))
    return ElementTree.tostring(root, encoding="unicode")
`,
  'shop/store.py': `import json
import logging
import sqlite3

from shop.orders import Line, Order

log = logging.getLogger("shop.store")

def connect(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("CREATE TABLE orders (number INTEGER PRIMARY KEY, lines TEXT)")
    return connection

def save(connection, order):
    lines = json.dumps([[line.name, line.price] for line in order.lines])
    connection.execute("INSERT INTO orders VALUES (?, ?)", (order.number, lines))
    log.info("saved %s", order.number)

def load(connection, number):
    (lines,) = connection.execute("SELECT lines FROM orders WHERE number = ?", (number,)).fetchone()
    return Order(number, tuple(Line(*line) for line in json.loads(lines)))

def count(connection):
    return connection.execute("SELECT count(*) FROM orders").fetchone()[0]
`,
  'shop/tasks.py': `import asyncio
import concurrent.futures

async def doubled(number):
    await asyncio.sleep(0)
    return 2 * number

async def gathered(numbers):
    return await asyncio.gather(*(doubled(number) for number in numbers))

def in_threads(work, items):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(work, items))
`,
};
