import type { Explanation, WaitReason } from '../protocol/build/explanation.js';
import type { BuildId, SlaveId } from '../protocol/ids.js';
import { isEnded } from './build-state.js';
import type { BuildWork } from './build-work.js';
import { setupExceedsRemaining } from './scheduling/scheduler.js';

/** The facts about a slave that an explanation needs. */
export interface SlaveLoad {
  readonly id: SlaveId;
  readonly name: string;
  readonly numExecutors: number;
  readonly inUse: number;
  /** It takes no more work. */
  readonly draining: boolean;
  /** It gets no work for now. */
  readonly sick: boolean;
  /** Nothing is heard from it. */
  readonly suspect: boolean;
}

/** Whether a slave may get new work. */
export function takesWork({
  draining,
  sick,
  suspect,
}: Pick<SlaveLoad, 'draining' | 'sick' | 'suspect'>): boolean {
  return !draining && !sick && !suspect;
}

export type Reason = Explanation['reasons'][number];

/**
 * Why a build has not ended yet, the most useful reason first; never empty. `slaves` are the connected ones.
 * `busyWith` lists the builds that hold executors, and how many.
 */
export function reasonsToWait(
  build: BuildWork,
  slaves: readonly SlaveLoad[],
  busyWith: readonly { readonly build: BuildId; readonly executors: number }[],
): Reason[] {
  if (isEnded(build.state)) {
    return [{ reason: 'ENDED', text: `The build is ${build.state}; it waits for nothing.` }];
  }
  const reasons: Reason[] = [];
  if (build.state === 'PREPARING') {
    reasons.push({ reason: 'PREPARING', text: 'A slave fetches the project and lists the atoms.' });
  } else if (build.running > 0) {
    reasons.push({
      reason: 'RUNNING',
      text: `It runs on ${count(executorsOf(build, busyWith), 'executor')}${duplicatesOf(build)}.`,
    });
  }
  reasons.push(...whyInDoubt(build, slaves));
  const waits =
    build.state === 'QUEUED'
      ? 'It waits to be prepared'
      : `${count(build.queued, 'subjob')} ${build.queued === 1 ? 'waits' : 'wait'}`;
  if (build.state === 'QUEUED' || (build.state === 'BUILDING' && build.queued > 0)) {
    reasons.push(whyNotMore(build, slaves, busyWith, waits));
  }
  return reasons.length > 0
    ? reasons
    : [{ reason: 'STARTING', text: 'Its subjobs are about to be handed out.' }];
}

/** Fewer than its leases when slaves have taken some ahead. */
function executorsOf(
  build: BuildWork,
  busyWith: readonly { readonly build: BuildId; readonly executors: number }[],
): number {
  return busyWith.find(({ build: id }) => id === build.id)?.executors ?? build.running;
}

function whyNotMore(
  build: BuildWork,
  slaves: readonly SlaveLoad[],
  busyWith: readonly { readonly build: BuildId; readonly executors: number }[],
  waits: string,
): Reason {
  const taking = slaves.filter(takesWork);
  if (taking.length === 0) {
    return reasonOf('NO_SLAVE', `${waits}: ${whyNobody(slaves)}; start one with \`clusterrunner slave\`.`);
  }
  const eligible = taking.filter(({ id }) => !build.refusedBy.has(id));
  if (eligible.length === 0) {
    return reasonOf('REFUSED', `${waits}: none of the connected slaves could run this build.`);
  }
  const { maxExecutors, maxExecutorsPerSlave } = build.limits;
  if (build.running >= maxExecutors) {
    return reasonOf('BUILD_LIMIT', `${waits}: the build holds all of its max_executors (${maxExecutors}).`);
  }
  const free = eligible.filter(({ numExecutors, inUse }) => inUse < numExecutors);
  if (free.length > 0 && free.every(({ id }) => build.runningOn(id) >= maxExecutorsPerSlave)) {
    return reasonOf(
      'SLAVE_LIMIT',
      `${waits}: the build holds its max_executors_per_slave (${maxExecutorsPerSlave}) on every slave that has an executor free.`,
    );
  }
  if (free.length > 0 && free.every(({ id }) => setupExceedsRemaining(build, id))) {
    const [needs, rest] = [build.setup.seconds, (build.secondsOfRest ?? 0) / Math.max(1, build.running)];
    return reasonOf(
      'SETUP_COST',
      `${waits}: a slave that has an executor free would need ${Math.round(needs ?? 0)} s to set the build up, and the rest takes about ${Math.round(rest)} s.`,
    );
  }
  if (free.length === 0) {
    const others = whoTakesNone(slaves);
    return reasonOf('EXECUTORS_BUSY', `${waits}: ${whatKeepsBusy(build, busyWith)}${others}.`);
  }
  return reasonOf(
    'STARTING',
    `${waits} for a slave with a free executor to ask, which it does at any moment.`,
  );
}

/** A busy cluster has hundreds of builds. */
const MAX_BUILDS_NAMED = 5;

function whatKeepsBusy(
  { id, running }: BuildWork,
  busyWith: readonly { readonly build: BuildId; readonly executors: number }[],
): string {
  const others = busyWith.filter(({ build }) => build !== id);
  if (others.length === 0) {
    return running > 0 ? 'all executors are busy with this build' : 'all executors are busy with other work';
  }
  const named = others
    .slice(0, MAX_BUILDS_NAMED)
    .map(({ build, executors }) => `build ${build} (${executors})`);
  const more = others.length - named.length;
  const list = [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return `all ${running > 0 ? 'other ' : ''}executors are busy with ${list}`;
}

/** The executors of slaves that take no new work, as the end of a sentence; empty when there are none. */
function whoTakesNone(slaves: readonly SlaveLoad[]): string {
  const closed = slaves.filter((slave) => !takesWork(slave));
  const executors = closed.reduce((sum, { numExecutors }) => sum + numExecutors, 0);
  const states = [
    ...(closed.some(({ draining }) => draining) ? ['DRAINING'] : []),
    ...(closed.some(({ sick }) => sick) ? ['SICK'] : []),
    ...(closed.some(({ suspect }) => suspect) ? ['SUSPECT'] : []),
  ];
  return executors === 0
    ? ''
    : `; ${executors} more ${executors === 1 ? 'takes' : 'take'} no new work, on slaves that are ${states.join(' or ')}`;
}

function whyNobody(slaves: readonly SlaveLoad[]): string {
  if (slaves.length === 0) {
    return 'no slave is connected';
  }
  return slaves.some(({ sick, suspect }) => sick || suspect)
    ? 'every slave that is connected is SICK, SUSPECT or being drained (`clusterrunner status` says why)'
    : 'every slave that is connected is being drained';
}

function duplicatesOf({ duplicates }: BuildWork): string {
  return duplicates === 0 ? '' : `, ${duplicates} of them with what another slave has too`;
}

/** About work of suspect slaves that no other slave has taken over; empty when there is none. */
function whyInDoubt(build: BuildWork, slaves: readonly SlaveLoad[]): Reason[] {
  const suspects = slaves.filter(({ id, suspect }) => suspect && build.runningOn(id) > 0);
  const names = suspects.map(({ name }) => name).join(', ');
  const held = `is on slaves that are SUSPECT (${names})`;
  if (suspects.length === 0) {
    return [];
  }
  if (build.limits.speculative === false) {
    const text = `Some of it ${held}, and waits until they are heard again or lost, since \`speculative: false\` forbids to run it twice.`;
    return [{ reason: 'RUNNING', text }];
  }
  return build.inDoubt > 0 || build.isPreparationInDoubt
    ? [{ reason: 'RUNNING', text: `Some of it ${held}, and waits to start on another one too.` }]
    : [];
}

function reasonOf(reason: WaitReason, text: string): Reason {
  return { reason, text };
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
