import type { PendingFill } from '../state/processes.ts'
import { isReady, type Server, versionOf, withRecord } from '../state/server.ts'
import { fenceOf } from './fence.ts'
import type { Rules } from './rules.ts'

/** FILL, for one answer of the back tier. Not executed in the sense of the fence: it is no change. */
export function fill(server: Server, pending: PendingFill, epoch: number, rules: Rules): Server {
  const { key, version, absent, history, asOf, lease } = pending
  const { flaw } = rules
  const record = { epoch: server.epoch, version, absent, history }
  if (flaw === 'fill-overwrites') return withRecord(server, key, record)
  if (!isReady(server)) return server
  if (epoch !== server.epoch && flaw !== 'fill-ignores-epoch') return server
  if (flaw === 'leases-instead-of-fences') {
    return server.executed[key] === lease ? withRecord(server, key, record) : server
  }
  if (asOf < fenceOf(server, key, rules) && flaw !== 'fill-ignores-fence') return server
  if (flaw === 'absence-has-version-zero' && absent) {
    return versionOf(server, key) >= 0 ? server : withRecord(server, key, { ...record, version: 0 })
  }
  return versionOf(server, key) >= version ? server : withRecord(server, key, record)
}
