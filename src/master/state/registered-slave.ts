import {
  clearFailuresOf,
  type Health,
  healthy,
  quarantineReason,
  registeredAgain,
  type SlaveFailure,
  withFailure,
} from '../../domain/slave-health.js';
import type { BuildId, SlaveId } from '../../protocol/ids.js';

/** The facts that a slave sends when it registers. */
export interface SlaveFacts {
  readonly name: string;
  readonly url: string | null;
  readonly numExecutors: number;
  readonly version: string;
}

interface SlaveStatus {
  readonly state: 'CONNECTED' | 'GONE';
  readonly changedAt: number;
  readonly isDraining: boolean;
}

/** The condition that a slave reports with each poll request. */
export interface SlaveCondition {
  /** Why it takes no work for now; null when it does. */
  readonly paused: string | null;
  /** null when it did not say. */
  readonly freeDiskBytes: number | null;
  /** Files and folders that it cannot remove. */
  readonly numUnremovable: number;
}

const unknownCondition: SlaveCondition = { paused: null, freeDiskBytes: null, numUnremovable: 0 };

/** A slave that is connected, or was until not long ago. */
export class RegisteredSlave {
  readonly id: SlaveId;
  readonly instance: string;
  #facts: SlaveFacts;
  #condition = unknownCondition;
  #state: 'CONNECTED' | 'GONE';
  #isDraining: boolean;
  #isSuspect = false;
  #health: Health = healthy;
  #changedAt: number;
  #lastSeen: number;
  #heardAt: number;

  /** `lastSeen` and `changedAt` in milliseconds since the epoch, `heardAt` in milliseconds of ListenedTime. */
  constructor(
    { id, instance }: { readonly id: SlaveId; readonly instance: string },
    facts: SlaveFacts,
    { state, changedAt, isDraining }: SlaveStatus,
    lastSeen: number,
    heardAt: number,
  ) {
    this.id = id;
    this.instance = instance;
    this.#facts = facts;
    this.#state = state;
    this.#changedAt = changedAt;
    this.#isDraining = isDraining;
    this.#lastSeen = lastSeen;
    this.#heardAt = heardAt;
  }

  get name(): string {
    return this.#facts.name;
  }
  get url(): string | null {
    return this.#facts.url;
  }
  get numExecutors(): number {
    return this.#facts.numExecutors;
  }
  get version(): string {
    return this.#facts.version;
  }
  get condition(): SlaveCondition {
    return this.#condition;
  }
  get state(): 'CONNECTED' | 'GONE' {
    return this.#state;
  }
  /** When it registered last, or left, in milliseconds since the epoch. */
  get changedAt(): number {
    return this.#changedAt;
  }
  /** It takes no more work. */
  get isDraining(): boolean {
    return this.#isDraining;
  }
  /** It is connected, and does not respond: it gets no work, and others may start the work that it holds. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }
  /** When its last signed request came, in milliseconds since the epoch. */
  get lastSeen(): number {
    return this.#lastSeen;
  }
  /** The same in ListenedTime. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Why it gets no work although it is connected, or takes none; null otherwise. `now` in monotonic milliseconds. */
  unavailableReason(now: number): string | null {
    return quarantineReason(this.#health, now) ?? this.#condition.paused;
  }

  /** The same process registers again, which keeps its id. `now` in milliseconds since the epoch. */
  registerAgain(facts: SlaveFacts, now: number): void {
    this.#facts = facts;
    this.#state = 'CONNECTED';
    this.#changedAt = now;
    this.#health = registeredAgain(this.#health);
    this.#condition = { ...this.#condition, paused: null };
  }

  recordContact(now: number, heardAt: number): void {
    this.#lastSeen = now;
    this.#heardAt = heardAt;
  }

  recordCondition(condition: SlaveCondition): void {
    this.#condition = condition;
  }

  /**
   * Something went wrong that may be the slave's fault. `now` in monotonic milliseconds.
   * @returns why it is in quarantine from now on; null when it is not, or was before
   */
  recordFailure(failure: SlaveFailure, now: number): string | null {
    const wasSick = quarantineReason(this.#health, now) !== null;
    this.#health = withFailure(this.#health, failure, now);
    return wasSick ? null : quarantineReason(this.#health, now);
  }

  /** It delivered a result. */
  recordSuccess(): void {
    this.#health = healthy;
  }

  /** The build was to blame for what went wrong with it. */
  clearFailuresOf(build: BuildId): void {
    this.#health = clearFailuresOf(this.#health, build);
  }

  drain(): void {
    this.#isDraining = true;
  }

  suspect(): void {
    this.#isSuspect = true;
  }

  /** It responds again. */
  trust(): void {
    this.#isSuspect = false;
  }

  /** `now` in milliseconds since the epoch. */
  leave(now: number): void {
    this.#state = 'GONE';
    this.#changedAt = now;
    this.#isSuspect = false;
  }
}
