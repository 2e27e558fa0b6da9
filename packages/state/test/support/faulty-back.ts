import type { Back, Commit, Proposal } from '@tidemark/core'

/** What a commit meets instead of the back tier, or behind it. */
export type Fault = (commit: () => Promise<Commit>, proposal: Proposal) => Promise<Commit>

/** A back tier of which commits and reads can fail as a test wants; everything else is the real one. */
export interface FaultyBack {
  readonly back: Back
  /** The next commits meet these, in order. */
  readonly faults: Fault[]
  /** The next reads of several keys reject with these, in order. */
  readonly readErrors: unknown[]
}

export function faultyBack(real: Back): FaultyBack {
  const faults: Fault[] = []
  const readErrors: unknown[] = []
  const commit = (proposal: Proposal): Promise<Commit> => {
    const run = (): Promise<Commit> => real.commit(proposal)
    return faults.shift()?.(run, proposal) ?? run()
  }
  const read: Back['read'] = async (keys, options) => {
    if (readErrors.length > 0) throw readErrors.shift()
    return real.read(keys, options)
  }
  const back = new Proxy(real, {
    get(target, name) {
      if (name === 'commit') return commit
      if (name === 'read') return read
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { back, faults, readErrors }
}
