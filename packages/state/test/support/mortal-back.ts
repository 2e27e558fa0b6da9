import type { Back, Commit, Proposal } from '@tidemark/core'

export interface MortalBack {
  readonly back: Back
  /** How many writes were begun. */
  readonly writes: () => number
}

/**
 * A back tier of a process that dies after so many writes, the last of which is done, or not: nothing that it asks for
 * afterwards happens, or is answered with anything but an error.
 */
export function mortalBack(real: Back, lives: number, isLastDone: boolean): MortalBack {
  let writes = 0
  const living = async <T>(write: () => Promise<T>): Promise<T> => {
    writes += 1
    if (writes > lives + 1 || (writes > lives && !isLastDone)) throw new Error('dead')
    const done = await write()
    if (writes > lives) throw new Error('dead')
    return done
  }
  const unlessDead = async <T>(read: () => Promise<T>): Promise<T> => {
    if (writes > lives) throw new Error('dead')
    return read()
  }
  const { marks, leases } = real
  const replaced: Partial<Record<keyof Back, unknown>> = {
    commit: (proposal: Proposal): Promise<Commit> => living(() => real.commit(proposal)),
    read: (...args: Parameters<Back['read']>) => unlessDead(() => real.read(...args)),
    scan: (...args: Parameters<Back['scan']>) => unlessDead(() => real.scan(...args)),
    marks: {
      read: (...args: Parameters<typeof marks.read>) => unlessDead(() => marks.read(...args)),
      scan: (...args: Parameters<typeof marks.scan>) => unlessDead(() => marks.scan(...args)),
      write: (...args: Parameters<typeof marks.write>) => living(() => marks.write(...args)),
    },
    leases: {
      acquire: (...args: Parameters<typeof leases.acquire>) => unlessDead(() => leases.acquire(...args)),
      renew: (...args: Parameters<typeof leases.renew>) => unlessDead(() => leases.renew(...args)),
      release: (...args: Parameters<typeof leases.release>) => unlessDead(() => leases.release(...args)),
    },
  }
  const back = new Proxy(real, {
    get(target, name) {
      if (name in replaced) return replaced[name as keyof Back]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { back, writes: () => writes }
}
