import type { LogChange, LogIdentity } from '@tidemark/core'
import { checkOf } from '../check.ts'
import { encodeToken } from '../token.ts'

interface Made {
  readonly identity: LogIdentity
  readonly token: string
}

/** Subscribers of a shared log are at the same rows: each token is made once. */
const made = new WeakMap<LogChange, Made>()

/** The token of who has taken everything up to this change of the log. */
export function tokenAfter(row: LogChange, { id, epoch }: LogIdentity): string {
  const known = made.get(row)
  if (known?.identity.epoch === epoch && known.identity.id === id) return known.token
  const token = encodeToken({ id, epoch, seq: row.seq, check: checkOf(row) })
  made.set(row, { identity: { id, epoch }, token })
  return token
}
