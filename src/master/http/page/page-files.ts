import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { inPackage } from '../../../lib/package-json.js';
import { ClusterRunnerError } from '../../../protocol/errors.js';

const ManifestSchema = Type.Object({
  files: Type.Array(Type.Object({ name: Type.String(), type: Type.String() })),
});

/** A file of the dashboard as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

export interface PageFiles {
  readonly page: PageFile;
  /** By name. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

const PAGE = 'page.html';

/**
 * Reads the files of the dashboard, which are small enough to stay in memory.
 * @throws ClusterRunnerError CONFIG_INVALID when they are missing
 */
export function readPageFiles(): PageFiles {
  const folder = inPackage('dist/dashboard');
  try {
    const assets = new Map(
      manifestOf(folder).files.map(({ name, type }) => [name, readOne(folder, name, type)]),
    );
    const page = assets.get(PAGE);
    if (page === undefined) {
      throw new Error(`the manifest does not name ${PAGE}`);
    }
    assets.delete(PAGE);
    return { page, assets };
  } catch (error) {
    throw new ClusterRunnerError(
      'CONFIG_INVALID',
      `The files of the dashboard cannot be read from ${folder}; install ClusterRunner again.`,
      { cause: error },
    );
  }
}

function manifestOf(folder: string): Static<typeof ManifestSchema> {
  return Value.Parse(ManifestSchema, JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
}

function readOne(folder: string, name: string, type: string): PageFile {
  const plain = readFileSync(join(folder, name));
  const digest = createHash('sha256').update(plain).digest('hex');
  return {
    type,
    plain,
    gzipped: readFileSync(join(folder, `${name}.gz`)),
    etag: `"${digest.slice(0, 20)}"`,
  };
}
