import { open } from 'tidemark'
import { type CheckedAudit, checkAudit } from '../checks/audit-check.ts'
import { type CheckedReplica, checkReplica } from '../checks/replica-check.ts'
import { type CheckedTotals, checkTotals } from '../checks/totals-check.ts'
import type { AuditedLog } from '../checks/watch-audit.ts'
import type { DataFiles } from './prepare.ts'

/** What the consumers and the replica have made of the changes. */
export interface SideChecks {
  /** The totals of countries that a consumer maintains, against the places. */
  readonly totals: CheckedTotals
  /** The lines of the audit, against the log. */
  readonly audit: CheckedAudit
  /** The replica, against its source. */
  readonly replica: CheckedReplica
}

/** Of a run that came to no end. */
export const NO_SIDE_CHECKS: SideChecks = {
  totals: { countries: 0, differences: 0, first: null },
  audit: { lines: 0, missing: 0, repeated: 0, outOfOrder: 0, wrong: 0 },
  replica: { entries: 0, differences: 0 },
}

/** Of the changes of `after < seq <= to`. To be called when nothing is written any more. */
export async function checkSides(files: DataFiles, log: AuditedLog, after: number, to: number): Promise<SideChecks> {
  const plain = { near: false, sweepEveryMs: 0, log: false } as const
  const source = await open({ file: files.file, ...plain })
  try {
    const replica = await open({ file: files.replicaFile, ...plain })
    try {
      return {
        totals: await checkTotals(source),
        audit: await checkAudit(files.auditFile, log, after, to),
        replica: await checkReplica(source, replica),
      }
    } finally {
      await replica.close()
    }
  } finally {
    await source.close()
  }
}
