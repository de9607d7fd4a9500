import { render } from 'preact';
import type { ReportData } from '../../protocol/results/report-data.js';
import { startShortcuts } from '../parts/keys/shortcuts.js';
import { startRouter } from '../router/location.js';
import { startTheme } from '../style/theme.js';
import { ListedAtoms } from './listed-atoms.js';
import { ReportPage } from './report-page.js';

const root = document.getElementById('page');
if (root !== null) {
  const data: ReportData = JSON.parse(document.getElementById('data')?.textContent ?? '');
  startTheme();
  startRouter((path) => path === window.location.pathname);
  startShortcuts();
  render(<ReportPage data={data} atoms={new ListedAtoms(data.atoms)} />, root);
}
