import type { Handlers } from '../handler.js';
import type { HandlerDependencies } from './dependencies.js';

type LeaseRoutes =
  | 'reportPrepared'
  | 'reportPreparationFailed'
  | 'handBackPreparation'
  | 'reportProgress'
  | 'handBack';

/** Reports of slaves about their leases. */
export function leaseHandlers({ service }: HandlerDependencies): Pick<Handlers, LeaseRoutes> {
  return {
    reportPrepared: async ({ params, body }) => {
      await service.reportPrepared(params.slaveId, params.buildId, body);
      return {};
    },
    reportPreparationFailed: async ({ params, body }) => {
      await service.reportPreparationFailed(params.slaveId, params.buildId, body.lease, body.error);
      return {};
    },
    handBackPreparation: async ({ params, body }) => {
      await service.returnPreparation(params.slaveId, params.buildId, body);
      return {};
    },
    reportProgress: async ({ params, body }) => {
      await service.reportProgress(params.slaveId, params.buildId, params.subjobId, body);
      return {};
    },
    handBack: async ({ params, body }) => {
      await service.returnLease(params.slaveId, params.buildId, params.subjobId, body);
      return {};
    },
  };
}
