import { statSync } from 'node:fs';
import type { Clock } from '../lib/clock.js';
import { hasCode } from '../lib/error-code.js';
import type { Logger } from '../lib/logger.js';
import { messageOf } from '../protocol/errors.js';
import type { Secrets } from '../protocol/signing/secrets.js';
import { readSettings } from './conf-file.js';
import { invalid, parseValue } from './config-source.js';
import { type Environment, readEnvironment } from './environment.js';
import type { LoadedConfig } from './load.js';
import { sections } from './schema.js';

/** The shortest time between two checks of the file, while requests are signed and verified. */
const LOOK_EVERY_MS = 1000;

/**
 * The secrets of the configuration file, read again when the file changes, so that nothing has to be restarted. Secrets
 * that the environment sets stay. A file that is missing, unreadable or without a secret changes nothing.
 */
export class ReloadingSecrets implements Secrets {
  readonly #file: string;
  readonly #service: LoadedConfig['service'];
  readonly #set: ReadonlySet<string>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #current: readonly [string, ...string[]];
  #seen: string | null;
  #lookedAt: number;

  constructor(
    config: Pick<LoadedConfig, 'secret' | 'previousSecret' | 'configFile' | 'service'>,
    env: Environment,
    clock: Clock,
    log: Logger,
  ) {
    this.#file = config.configFile;
    this.#service = config.service;
    this.#set = new Set(readEnvironment(env).keys());
    this.#clock = clock;
    this.#log = log;
    this.#current = listed(config.secret, config.previousSecret);
    this.#seen = null;
    this.#lookedAt = clock.monotonic();
  }

  current(): readonly [string, ...string[]] {
    if (this.#clock.monotonic() - this.#lookedAt >= LOOK_EVERY_MS) {
      this.refresh();
    }
    return this.#current;
  }

  refresh(): boolean {
    this.#lookedAt = this.#clock.monotonic();
    const state = stateOf(this.#file);
    if (state === null || state === this.#seen) {
      return false;
    }
    this.#seen = state;
    try {
      return this.#take(this.#read());
    } catch (error) {
      this.#log.warn(`${messageOf(error)} The secret that was read before stays in use.`);
      return false;
    }
  }

  #read(): readonly [string, ...string[]] {
    const settings = readSettings(this.#file, this.#service);
    const paths = { home: '', directory: '' };
    const given = (name: 'secret' | 'previous_secret', before: string | undefined) => {
      const text = settings.get(`general.${name}`);
      if (this.#set.has(`general.${name}`)) {
        return before;
      }
      return text === undefined ? undefined : parseValue(sections.general.secret, text, paths);
    };
    const secret = given('secret', this.#current[0]);
    if (secret === undefined) {
      throw invalid(`${this.#file} holds no secret.`);
    }
    return listed(secret, given('previous_secret', this.#current[1]) ?? null);
  }

  #take(read: readonly [string, ...string[]]): boolean {
    const changed = read.join('\n') !== this.#current.join('\n');
    this.#current = read;
    if (changed) {
      this.#log.info(`The secret was read again from ${this.#file}.`);
    }
    return changed;
  }
}

function listed(secret: string, previous: string | null): [string, ...string[]] {
  return previous === null ? [secret] : [secret, previous];
}

/** A text that changes whenever the file does; null while the file is missing. */
function stateOf(file: string): string | null {
  try {
    const { ino, size, mtimeNs, mode } = statSync(file, { bigint: true });
    return [ino, size, mtimeNs, mode].join(' ');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) {
      return null;
    }
    throw error;
  }
}
