import { randomBytes } from 'node:crypto'
import { type FrontStart, wholeAtLeast } from '@tidemark/core'
import type { Link } from './link.ts'
import { ANNOUNCE, COMPLETE } from './scripts/init.ts'
import type { Sessions } from './sessions.ts'

const EPOCH = /^[0-9a-f]{8}$/

export interface StartAnew {
  /** The key of meta. */
  readonly meta: string
  readonly sessions: Sessions
  /** Where to start: asked after the announcement. */
  readonly start: () => Promise<FrontStart>
  /** Whether the link is still the one in use. */
  readonly isInUse: (link: Link) => boolean
}

/** Runs INIT, both steps on one link. @returns whether it was this start that completed */
export async function startAnew(link: Link, { meta, sessions, start, isInUse }: StartAnew): Promise<boolean> {
  const nonce = randomBytes(8).toString('hex')
  const announcedAt = link.commands
  await link.run(ANNOUNCE, [meta], [nonce])
  sessions.learn(link, announcedAt, undefined)
  // After the announcement, never before: see there.
  const { epoch, head, mark } = await start()
  if (!EPOCH.test(epoch)) throw new RangeError(`an epoch must be 8 hexadecimal digits, not "${epoch}"`)
  wholeAtLeast('head', head, 0)
  // Another link may lead to another server, or to one that has lost what was executed since the announcement.
  if (!isInUse(link)) return false
  const sentAt = link.commands
  const isMine = (await link.run(COMPLETE, [meta], [nonce, epoch, String(head), mark])) === 1
  if (isMine) sessions.learn(link, sentAt, epoch)
  return isMine
}
