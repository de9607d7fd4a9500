import { masterCommand } from '../../../lib/text/master-command.js';
import { masterVersion } from '../../api/master-version.js';
import { CommandLine } from '../../parts/controls/command-line.js';
import { Empty } from '../../parts/page/notices.js';

/** In the place of a fleet without slaves: how to start one. */
export function NoSlaves() {
  if (masterVersion.value?.past_builds === true) {
    return (
      <Empty title="These are past builds.">
        <p>No master runs here, so no slave is connected.</p>
      </Empty>
    );
  }
  const { origin, protocol } = window.location;
  return (
    <Empty title="No slave is connected, so nothing can run.">
      <p>Start one on each machine that is to run tests:</p>
      <CommandLine command={masterCommand('slave', origin)} />
      <p>
        It needs the secret of this master: copy the line <code>secret</code> of{' '}
        <code>~/.clusterrunner/clusterrunner.conf</code> from the machine of the master.
      </p>
      {protocol === 'https:' && (
        <p>
          If its machine does not trust the certificate of this master, set <code>https_ca_file</code> there
          too.
        </p>
      )}
      <p>A slave of another version is refused, and its log says so.</p>
    </Empty>
  );
}
