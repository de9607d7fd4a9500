import type { MasterClient } from '../../client/master-client.js';
import { atomName } from '../../job/atom-name.js';
import { durationText } from '../../lib/text/duration-text.js';
import { cleanLine, stripControlChars } from '../../lib/text/strip-control-chars.js';
import type { Build } from '../../protocol/build/build.js';
import type { Explanation } from '../../protocol/build/explanation.js';
import type { BuildId } from '../../protocol/ids.js';
import type { Slave } from '../../protocol/slave/slave-messages.js';
import { parseBuildId, printJson, type ReaderOptions, withClient } from '../client-command.js';
import { describeRevision } from '../text/revision-text.js';
import { table } from '../text/table.js';

const MAX_BUILDS = 20;
const MAX_SLAVES = 1000;

/** `clusterrunner status [BUILD]`: what a build waits for; without BUILD, the slaves and all unfinished builds. */
export async function status(build: string | undefined, options: ReaderOptions): Promise<void> {
  const id = build === undefined ? null : parseBuildId(build);
  await withClient('status', options, (client) =>
    id === null ? showCluster(client, options) : showBuild(client, id, options),
  );
}

async function showBuild(client: MasterClient, id: BuildId, options: ReaderOptions): Promise<void> {
  // In this order, only the build can be the newer one, and its end overrides the explanation.
  const explanation = await client.explainBuild(id);
  const build = await client.getBuild(id);
  if (options.json) {
    printJson({ build, explanation });
  } else {
    process.stdout.write(`${stripControlChars(explanationText(build, explanation, Date.now() / 1000))}\n`);
  }
}

async function showCluster(client: MasterClient, options: ReaderOptions): Promise<void> {
  const listed = await client.listUnfinished({ offset: 0, limit: MAX_BUILDS });
  const { slaves } = await client.listSlaves({ offset: 0, limit: MAX_SLAVES });
  const explained = await Promise.all(
    listed.builds.map(async (build) => ({ build, explanation: await client.explainBuild(build.id) })),
  );
  const unfinished = explained.filter(({ explanation }) => !hasEnded(explanation));
  const builds = unfinished.map(({ build }) => build);
  const explanations = unfinished.map(({ explanation }) => explanation);
  const total = listed.total - (explained.length - unfinished.length);
  if (options.json) {
    printJson({ slaves, builds, explanations, total });
    return;
  }
  const blocks = [slavesText(slaves)];
  builds.forEach((build, index) => {
    const reasons = explanations[index]?.reasons.map(({ text }) => `  ${text}`) ?? [];
    blocks.push([headline(build), ...reasons].join('\n'));
  });
  if (builds.length === 0) {
    blocks.push('No build is unfinished.');
  } else if (total > builds.length) {
    blocks.push(`${total - builds.length} more builds wait after these.`);
  }
  process.stdout.write(`${stripControlChars(blocks.join('\n\n'))}\n`);
}

/** Whether a build has ended by the time at which it was explained. */
function hasEnded({ reasons }: Explanation): boolean {
  return reasons.some(({ reason }) => reason === 'ENDED');
}

export function slavesText(slaves: readonly Slave[]): string {
  if (slaves.length === 0) {
    return 'No slave is connected; start one with `clusterrunner slave`.';
  }
  const sick = slaves.flatMap(({ id, reason }) => (reason === null ? [] : [`  slave ${id}: ${reason}`]));
  const full = slaves.flatMap(({ id, num_unremovable: number }) =>
    number === 0
      ? []
      : [
          `  slave ${id}: ${number === 1 ? 'one file or folder' : `${number} files and folders`} of ended builds cannot be removed; its log says where.`,
        ],
  );
  const rows = table([
    ['SLAVE', 'NAME', 'STATE', 'BUSY', 'BUILDS'],
    ...slaves.map((slave) => [
      String(slave.id),
      slave.name,
      slave.state,
      `${slave.num_executors_in_use}/${slave.num_executors}`,
      slave.current_builds.join(' ') || '-',
    ]),
  ]);
  return [rows, ...sick, ...full].join('\n');
}

function headline(build: Build): string {
  const { id, state, result, details, num_atoms_failed: failed } = build;
  const atoms = `${failed} ${failed === 1 ? 'atom' : 'atoms'} failed`;
  if (result === null) {
    return `Build ${id} is ${state}: ${details}${failed === 0 ? '' : ` ${atoms} so far.`}`;
  }
  return `Build ${id} ended with ${result} (${state}): ${details}${failed === 0 ? '' : ` ${atoms}.`}`;
}

/** The commit that the build tests, and who requested it, as far as known. */
function originOf({ revision, request_params: { requested_by: requester } }: Build): string[] {
  return [
    ...(revision === null ? [] : [`  It tests ${describeRevision(revision)}.`]),
    ...(requester === undefined ? [] : [`  Requested by ${cleanLine(requester)}.`]),
  ];
}

/** How many atoms were cached, and why the others had to run. */
function cacheLines({ cache }: Explanation): string[] {
  // An older master does not send it.
  if (cache === null || cache === undefined) {
    return [];
  }
  const { num_atoms_cached: cached, not_cached } = cache;
  return [
    `  ${cached} ${cached === 1 ? 'atom is' : 'atoms are'} cached.`,
    ...not_cached.map(
      ({ text, num_atoms: atoms }) => `  ${atoms} ${atoms === 1 ? 'atom is' : 'atoms are'} not: ${text}.`,
    ),
  ];
}

/** An explanation of a build that has ended since is left out. `now` in seconds since the epoch. */
export function explanationText(build: Build, explanation: Explanation, now: number): string {
  const isCurrent = build.result === null || hasEnded(explanation);
  const why = build.error_message === null ? [] : [`  ${build.error_message}`];
  const lines = [
    headline(build),
    ...originOf(build),
    ...why,
    ...(isCurrent ? explanation.reasons.map(({ text }) => `  ${text}`) : []),
    ...cacheLines(explanation),
  ];
  if (isCurrent && explanation.running.length > 0) {
    const rows = explanation.running.map((run) => [
      run.slave,
      run.subjob_id === null ? 'preparation' : `subjob ${run.subjob_id}${run.duplicate ? ' (too)' : ''}`,
      durationText(Math.max(0, now - run.since)),
      run.atoms
        .map(({ id, command_string }) => `atom ${id}: ${atomName(command_string, build.atom_variables)}`)
        .join(', ') || '-',
    ]);
    lines.push('', table([['SLAVE', 'RUNS', 'FOR', 'NOW'], ...rows]));
  }
  return lines.join('\n');
}
