import type { BypassReason, TierEvent } from '@tidemark/tiered'

const REASONS: Readonly<Record<BypassReason, string>> = {
  unreachable: 'it cannot be reached',
  behind: 'it is behind the log',
  starting: 'it starts anew',
  displaced: 'another server is agreed on',
  suspended: 'its writers could not reach it',
}

/**
 * One line for each time that a shared front falls out or is full, and for its end; not for the contact at the start,
 * which is no news.
 */
export function tierLog(write: (line: string) => void): (event: TierEvent) => void {
  const known = new Set<string>()
  const out = new Set<string>()
  return (event) => {
    if (event.type === 'front-serving') {
      known.add(event.tier)
      if (out.delete(event.tier)) write(`${event.tier} serves again`)
    } else if (event.type === 'front-bypassed') {
      // Without having served it is news only when there is an error to tell.
      if (out.has(event.tier) || (!known.has(event.tier) && event.error === undefined)) return
      out.add(event.tier)
      const why = event.error?.message ?? REASONS[event.reason]
      write(`${event.tier} is bypassed: ${why}; reads go to the tier below, and the log repairs what it misses`)
    } else if (event.type === 'front-started' && known.has(event.tier)) {
      write(`${event.tier} was emptied and starts anew (${event.reason})`)
    } else if (event.type === 'front-full') {
      write(`${event.tier} is full: ${event.error.message}; what it does not hold is read from the tier below`)
    } else if (event.type === 'front-has-room') {
      write(`${event.tier} has room again`)
    }
  }
}
