import type { Files } from '../../test/support/project.js';
import { SHOP } from './shop-modules.js';

/*
 * A project with a test suite of a usual kind. The modules of its package import much of the standard library, and conftest.py
 * files at three levels have fixtures. Tests are parametrized, and some wait, fail, are skipped, or are expected to fail.
 */

const AREAS = ['orders', 'prices', 'mails', 'reports', 'store', 'tasks'] as const;

type Area = (typeof AREAS)[number];

/** Some 13 or 40 tests in a file. */
export type FileSize = 'small' | 'large';

/** Further imports of the files, in turn. */
const IMPORTS = [
  'import asyncio\nimport http.server',
  'import concurrent.futures\nimport xml.etree.ElementTree as ElementTree',
  'import email.message\nimport smtplib',
  'import sqlite3\nimport tarfile',
  'import decimal\nimport multiprocessing',
  'import unittest\nimport urllib.request',
  'import ssl\nimport zipfile',
];

const TESTS: Readonly<Record<Area, string>> = {
  orders: `
def test_an_order_is_kept(database, order):
    store.save(database, order)
    assert store.load(database, order.number) == order

def test_an_order_has_lines(order):
    assert [line.name for line in order.lines] == ["tea", "cup"]
`,
  prices: `
@pytest.mark.parametrize("discount", [0, 5, 10, 20])
def test_discount(order, discount):
    assert prices.discounted(order, discount) == prices.total(order) * (100 - discount) / 100

def test_a_negative_price_is_refused():
    with pytest.raises(ValueError, match="negative"):
        prices.checked(-1)
`,
  mails: `
def test_a_mail_is_sent(order):
    with mock.patch("shop.mails.deliver") as deliver:
        mails.confirm(order, "customer@example.com")
    deliver.assert_called_once()

def test_the_mail_names_the_order(order):
    assert str(order.number) in mails.confirmation(order, "customer@example.com").as_string()
`,
  reports: `
def test_the_report_is_written(order, tmp_path):
    path = reports.write(tmp_path / "report.csv", [order])
    assert path.read_text().splitlines()[0] == "number,total"

def test_the_report_as_xml(order):
    assert reports.as_xml([order]).startswith("<orders>")
`,
  store: `
@pytest.mark.parametrize("count", range(5))
def test_counts_orders(database, order, count):
    for number in range(count):
        store.save(database, orders.Order(number, order.lines))
    assert store.count(database) == count

def test_logs(database, order, caplog):
    with caplog.at_level("INFO"):
        store.save(database, order)
    assert "saved" in caplog.text
`,
  tasks: `
def test_tasks_run_together():
    assert asyncio_run(tasks.gathered([1, 2, 3])) == [2, 4, 6]

def test_output(capsys):
    print("done")
    assert capsys.readouterr().out == "done\\n"
`,
};

function testFile(index: number, area: Area, size: FileSize, libraries: readonly string[]): string {
  const counts = Array.from({ length: size === 'small' ? 3 : 16 }, (_, count) => `(${count}, ${count * 12})`);
  const library = libraries.length > 0 ? `import ${libraries[index % libraries.length]}\n` : '';
  return `"""Tests ${index} of ${area}."""
import json
import time
${IMPORTS[index % IMPORTS.length]}
from asyncio import run as asyncio_run
from unittest import mock

import pytest
${library}
from shop import mails, orders, prices, reports, store, tasks

@pytest.fixture
def order(basket):
    return orders.Order(${index}, basket)

@pytest.mark.parametrize("count, total", [${counts.join(', ')}])
def test_total(order, count, total):
    assert prices.total(order) * count == total

class TestSettings:
    @pytest.fixture(autouse=True)
    def variable(self, monkeypatch):
        monkeypatch.setenv("SHOP_MODE", "mode-${index}")

    def test_are_read(self, settings):
        assert settings["currency"] == "EUR"

    def test_are_copied(self, settings):
        assert json.loads(json.dumps(settings)) == settings
${(size === 'small' ? [area] : AREAS).map((one) => TESTS[one]).join('')}
def test_waits():
    time.sleep(${(0.005 * (1 + (index % 8))).toFixed(3)})
${index % 10 === 3 ? '\ndef test_fails(order):\n    assert prices.total(order) == 13\n' : ''}${
  index % 7 === 2 ? '\n@pytest.mark.skip(reason="needs a printer")\ndef test_prints():\n    pass\n' : ''
}${
  index % 9 === 4
    ? '\n@pytest.mark.xfail(strict=True, reason="is not rounded")\ndef test_rounds():\n    assert prices.rounded(0.125) == 0.13\n'
    : ''
}`;
}

/** The files of the project by their paths, with so many test files. `libraries`: names of modules that tests import. */
export function pytestProject(numFiles: number, size: FileSize, libraries: readonly string[]): Files {
  const files: Record<string, string> = {
    ...SHOP,
    'pytest.ini': '[pytest]\ntestpaths = tests\nxfail_strict = true\naddopts = --strict-markers\n',
  };
  for (const area of AREAS) {
    files[`tests/${area}/conftest.py`] = `import pytest

@pytest.fixture
def basket(lines):
    return tuple(lines[:2])
`;
  }
  for (let index = 0; index < numFiles; index += 1) {
    const area = AREAS[index % AREAS.length] ?? AREAS[0];
    files[`tests/${area}/test_${area}_${index}.py`] = testFile(index, area, size, libraries);
  }
  return files;
}
