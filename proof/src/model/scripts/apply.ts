import { isReady, type Server, versionOf, withRecord } from '../state/server.ts'
import { executed, fenceOf, raise, reach } from './fence.ts'
import type { Rules } from './rules.ts'

export interface SentChange {
  readonly key: number
  readonly seq: number
  readonly history: number
  /** Whether there is a value to install: write-through, and no delete. */
  readonly installs: boolean
  /** Of the session that it was sent in. */
  readonly epoch: number
}

/** APPLY, for one change. */
export function apply(server: Server, change: SentChange, rules: Rules): Server {
  const after = applyToKey(server, change, rules)
  return rules.flaw === 'apply-raises-no-highest' ? after : reach(after, change.seq, change.history, rules)
}

function applyToKey(server: Server, change: SentChange, rules: Rules): Server {
  const { key, seq, history } = change
  const { flaw } = rules
  const current = versionOf(server, key)
  if (current >= seq && flaw !== 'apply-ignores-versions') {
    return flaw === 'apply-newer-raises-no-fence' ? executed(server, key, seq) : raise(server, key, seq, rules)
  }
  const installs = mayInstall(server, change, current, rules)
  const cleared = installs ? server : withRecord(server, key, undefined)
  const raised = flaw === 'apply-raises-no-fence' ? executed(cleared, key, seq) : raise(cleared, key, seq, rules)
  if (!installs) return raised
  return withRecord(raised, key, { epoch: server.epoch, version: seq, absent: false, history })
}

function mayInstall(server: Server, change: SentChange, current: number, rules: Rules): boolean {
  const { key, seq, installs, epoch } = change
  const { flaw } = rules
  if (!installs || !isReady(server)) return false
  if (epoch !== server.epoch && flaw !== 'apply-ignores-epoch') return false
  if (flaw === 'apply-installs-on-absent' || flaw === 'leases-instead-of-fences') return true
  return current >= 0 || seq >= fenceOf(server, key, rules)
}

/**
 * APPLY of what is only removed, when memory has run out and the server ends the script after its first write. (What is
 * to be installed is refused before it begins.) What it writes first decides what is left behind.
 */
export function applyCutShort(server: Server, { key, seq }: SentChange, rules: Rules): Server {
  if (versionOf(server, key) >= seq) return raise(server, key, seq, rules)
  if (rules.flaw === 'apply-raises-before-it-removes') return raise(server, key, seq, rules)
  return withRecord(server, key, undefined)
}
