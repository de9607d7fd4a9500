import { render } from 'preact';
import { ReportPage } from './report-page.js';
import { unpackedData } from './unpacked-data.js';

const root = document.getElementById('page');
const text = document.getElementById('data')?.textContent ?? '';
if (root !== null) {
  unpackedData(text).then(
    (data) => {
      const { id, num_atoms_failed: failed, job } = data.build;
      document.title = `${failed > 0 ? `✗ ${failed} failed – ` : ''}Build ${id} ${job ?? ''}`;
      render(<ReportPage data={data} />, root);
    },
    () => {
      root.textContent = 'This report is damaged; fetch the results of the build again.';
    },
  );
}
