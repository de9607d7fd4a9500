import type { IncomingHttpHeaders } from 'node:http';
import { ClusterRunnerError, messageOf } from '../../../protocol/errors.js';
import { type ResultReport, ResultReportSchema } from '../../../protocol/slave/slave-messages.js';
import { ArchiveValidator } from '../../archives/incoming/archive-validator.js';
import { receiveResult } from '../../archives/incoming/receive-archive.js';
import { requireUtf8 } from '../body/json-body.js';
import type { Handlers } from '../handler.js';
import { type Check, compileCheck } from '../validate.js';
import type { HandlerDependencies } from './dependencies.js';

const checkReport: Check<ResultReport> = compileCheck(ResultReportSchema, 'report');

export function resultHandlers({
  service,
  temporaryDirectory,
  settings,
}: HandlerDependencies): Pick<Handlers, 'deliverResult'> {
  return {
    deliverResult: async ({ params: { slaveId, buildId, subjobId }, query, body, headers }) => {
      await receiveResult({
        chunks: body.chunks,
        verify: body.verify,
        headBytes: query.report_bytes,
        temporaryDirectory,
        maxArchiveBytes: settings.maxResultBytes,
        requireSpace: (bytes) => service.requireSpace(bytes),
        announcedBytes: announcedBytes(headers, query.report_bytes),
        readHead: (bytes) => {
          const report = parseReport(bytes);
          service.checkResultLease(slaveId, buildId, subjobId, report.lease);
          return report;
        },
        inspect: (report, list) => new ArchiveValidator(subjobId, report, settings, list),
        membersOf: ({ index }) => index.members,
        filesToAdd: (report) => service.filesToAdd(buildId, subjobId, report),
        accept: (report, archive) => service.acceptResult(slaveId, buildId, subjobId, report, archive),
      });
      return {};
    },
  };
}

/** Length of the archive that follows a report of `reportBytes`; null when the body has no Content-Length. */
function announcedBytes(headers: IncomingHttpHeaders, reportBytes: number): number | null {
  const length = headers['content-length'];
  return length === undefined ? null : Math.max(0, Number(length) - reportBytes);
}

function parseReport(bytes: Buffer): ResultReport {
  const report: unknown = parseJson(requireUtf8(bytes));
  checkReport(report);
  return report;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ClusterRunnerError(
      'INVALID_REQUEST',
      `The first report_bytes bytes of the body are not a JSON report: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
